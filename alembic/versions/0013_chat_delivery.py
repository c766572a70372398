"""Messages out: edits, drafts, and the pace that Telegram allows."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Row 0 is the whole bot. `next_at` is when a bucket that drips at an even rate would be full again: a message may go
# as long as that lies no further ahead than its burst. Nothing here is worth a disk's write: after a crash of the
# server the table is empty, and at worst Telegram says once more what it had said.
TAKE_TURN = """
CREATE FUNCTION postgen_take_turn(
    chat bigint, chat_rate double precision, chat_burst double precision, rate double precision,
    burst double precision, longest double precision, OUT verdict text, OUT wait double precision
) LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz;
    of_chat chat_pace%ROWTYPE;
    of_bot chat_pace%ROWTYPE;
    chat_next timestamptz;
    bot_next timestamptz;
BEGIN
    -- a row that was idle for long may be forgotten at any moment
    LOOP
        SELECT * INTO of_chat FROM chat_pace WHERE chat_id = chat FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO chat_pace AS pace (chat_id) VALUES (chat) ON CONFLICT DO NOTHING;
    END LOOP;
    -- last, and for as short as possible: everybody waits for this one
    LOOP
        SELECT * INTO of_bot FROM chat_pace WHERE chat_id = 0 FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO chat_pace AS pace (chat_id) VALUES (0) ON CONFLICT DO NOTHING;
    END LOOP;
    at := clock_timestamp();
    IF of_bot.paused_until > at THEN
        verdict := 'bot_paused';
        wait := extract(epoch FROM of_bot.paused_until - at);
        RETURN;
    END IF;
    IF of_chat.paused_until > at THEN
        verdict := 'chat_paused';
        wait := extract(epoch FROM of_chat.paused_until - at);
        RETURN;
    END IF;
    chat_next := greatest(of_chat.next_at, at);
    wait := extract(epoch FROM chat_next - at) - (chat_burst - 1) / chat_rate;
    -- a clock's grain is no reason to wait
    IF wait > 0.001 THEN
        verdict := 'chat_busy';
        RETURN;
    END IF;
    bot_next := greatest(of_bot.next_at, at);
    wait := greatest(0, extract(epoch FROM bot_next - at) - (burst - 1) / rate);
    IF wait > longest THEN
        verdict := 'bot_busy';
        RETURN;
    END IF;
    verdict := 'go';
    UPDATE chat_pace SET next_at = greatest(chat_next, at + make_interval(secs => wait))
        + make_interval(secs => 1 / chat_rate) WHERE chat_id = chat;
    UPDATE chat_pace SET next_at = bot_next + make_interval(secs => 1 / rate) WHERE chat_id = 0;
END $$;
"""
# An answer of 429 does not say for whom it is meant. One chat's is taken for that chat's; when another chat gets one
# within seconds, it is meant for the whole bot, which then waits for the shorter of the two.
REFUSED = """
CREATE FUNCTION postgen_chat_refused(chat bigint, seconds double precision, together double precision)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp();
    until timestamptz := at + make_interval(secs => seconds);
    of_bot chat_pace%ROWTYPE;
    everybody boolean;
BEGIN
    INSERT INTO chat_pace AS pace (chat_id, paused_until) VALUES (chat, until)
        ON CONFLICT (chat_id) DO UPDATE SET paused_until = greatest(pace.paused_until, excluded.paused_until);
    INSERT INTO chat_pace AS pace (chat_id) VALUES (0) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT of_bot FROM chat_pace WHERE chat_id = 0 FOR UPDATE;
    everybody := coalesce(
        of_bot.refused_chat <> chat AND of_bot.refused_at > at - make_interval(secs => together), false);
    UPDATE chat_pace SET refused_chat = chat, refused_at = at, refused_until = until,
        paused_until = CASE WHEN everybody
            THEN greatest(of_bot.paused_until, least(until, of_bot.refused_until)) ELSE of_bot.paused_until END
        WHERE chat_id = 0;
    RETURN everybody;
END $$;
"""


def upgrade() -> None:
    op.create_table(
        "chat_pace",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("no_drafts_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_chat", sa.BigInteger(), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_chat_pace")),
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "draft_stops",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("run_token", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_draft_stops_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_draft_stops")),
    )
    op.add_column("media", sa.Column("telegram_document_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_deliveries_held_for",
        "deliveries",
        ["destination", "id"],
        unique=False,
        postgresql_where=sa.text("channel = 'telegram' and status = 'held'"),
    )
    op.execute(TAKE_TURN)
    op.execute(REFUSED)


def downgrade() -> None:
    op.execute("DROP FUNCTION postgen_chat_refused")
    op.execute("DROP FUNCTION postgen_take_turn")
    op.drop_index(
        "ix_deliveries_held_for",
        table_name="deliveries",
        postgresql_where=sa.text("channel = 'telegram' and status = 'held'"),
    )
    op.drop_column("media", "telegram_document_id")
    op.drop_table("draft_stops")
    op.drop_table("chat_pace")
