"""What was ordered from providers of pictures, and who of them has called back."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, Uuid, text

from jobs.db.tables.columns import json_object, metadata, moment

# what a run of the job goes on with
AWAITED = "state in ('placing', 'placed')"

# written down before the order goes out, so that nothing is ordered twice
predictions = Table(
    "predictions",
    metadata,
    # our own name for it, which the provider's call back carries
    Column("id", Uuid, primary_key=True),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    # what was asked for, to find it again by
    json_object("request"),
    # the provider's name for it, once it was told
    Column("prediction_id", Text),
    # placing (nobody knows yet whether it was taken), placed, unwanted (to be cancelled there), over
    Column("state", Text, nullable=False, server_default="placing"),
    Column("outcome", Text),
    moment("ordered_at", required=True),
    moment("called_at"),
    moment("ended_at"),
    CheckConstraint("state in ('placing','placed','unwanted','over')", name="state"),
    # a job waits for one picture at a time
    Index("uq_predictions_awaited", "job_id", unique=True, postgresql_where=text(AWAITED)),
    Index("ix_predictions_job_id", "job_id"),
    Index("ix_predictions_prediction_id", "prediction_id", postgresql_where=text("prediction_id is not null")),
)

# a provider repeats its call until it is heard, and sometimes after that
provider_callbacks = Table(
    "provider_callbacks",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("webhook_id", Text, primary_key=True),
    Column("order_id", Uuid),
    Column("prediction_id", Text),
    Column("status", Text),
    moment("received_at", required=True),
    Index("ix_provider_callbacks_received_at", "received_at"),
)
