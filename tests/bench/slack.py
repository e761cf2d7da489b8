"""The 180 real writes decided in Slack at Slack's own rates: ``python -m tests.bench.slack``, some 15 minutes.

Options: ``--rate`` (times Slack's own, on both sides) and ``--share`` (of Slack's calls that fail).
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.journeys.slack.agreement import disagreements, went_back
from tests.journeys.slack.journey import figures, journey, writing

WITHIN_SECONDS = 3600.0


async def run(rate: float, share: float) -> int:
    """Run the journey and print its figures; how many things were wrong."""
    limits = {"within": WITHIN_SECONDS, "patience": WITHIN_SECONDS}
    async with journey(writing(), rate=rate, share=share, **limits) as found:
        for figure in figures(found):
            sys.stdout.write(f"{figure}\n")
        wrong = [*disagreements(found.fake, found.rows), *went_back(found.fake), *found.fake.complaints]
        sys.stdout.writelines(f"WRONG: {one}\n" for one in wrong)
        return len(wrong)


def main() -> None:
    """Exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.slack", description=__doc__)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--share", type=float, default=0.05)
    chosen = parser.parse_args()
    sys.exit(1 if asyncio.run(run(chosen.rate, chosen.share)) else 0)


if __name__ == "__main__":
    main()
