"""All tables: those of the other modules belong to the metadata once they are imported."""

from app.db import (  # noqa: F401
    delegation_tables,
    erasure_tables,
    export_tables,
    incident_tables,
    oversight_tables,
    owner_review_tables,
    permission_tables,
    redemption_tables,
    review_tables,
    sealing_tables,
    slack_tables,
    use_case_tables,
)
from app.db.tables import Base

METADATA = Base.metadata
