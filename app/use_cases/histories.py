"""What Temporal keeps of requests: deleted with their content. Payloads there are encrypted, and go by themselves too.

A deletion is done a moment after it was asked for, so `gone` is asked until there is nothing.
"""

from __future__ import annotations

import uuid

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from app.db import requests
from app.domain.errors import Unavailable
from app.execution import temporal as execution
from app.use_cases.services import Services
from app.use_cases.temporal import workflow_id


async def gone(services: Services, request_id: uuid.UUID) -> bool:
    """Have everything deleted that Temporal has of a request; True when it had nothing. Raises Unavailable."""
    async with services.ctx.database.transaction() as session:
        tries = [one.n for one in await requests.execution_attempts(session, request_id)]
    names = [workflow_id(request_id), *(execution.workflow_id(str(request_id), n) for n in tries)]
    try:
        return not any([await _delete(services, name) for name in names])
    except RPCError as error:
        raise Unavailable("Temporal does not answer; tried again later.") from error


async def _delete(services: Services, name: str) -> bool:
    """Ask for the deletion of every run under this id; True when there was one."""
    client, found = services.temporal, 0
    listed = [one.run_id async for one in client.list_workflows(f'WorkflowId = "{name}"')]
    for run_id in (*listed, ""):  # the newest also where it is not listed yet
        request = DeleteWorkflowExecutionRequest(
            namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=name, run_id=run_id)
        )
        try:
            await client.workflow_service.delete_workflow_execution(request)
            found += 1
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    return bool(found or listed)
