"""Every code of an error: what it means and what to do about it. /docs/errors shows this to people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """`title` is the same for every error of this code; `remedy` tells its reader what to do."""

    title: str
    remedy: str


CATALOGUE: dict[str, Entry] = {
    # who asks
    "unauthenticated": Entry(
        "A key is needed", "Send `Authorization: Bearer pg_…`. `postgen keys create` makes a key."
    ),
    "invalid_key": Entry(
        "The key is not valid", "It is unknown, has expired or was revoked. Ask the operator for a new one."
    ),
    "forbidden": Entry("Not allowed", "The key may not do this. Ask the operator for one that may."),
    "scope_missing": Entry("The key lacks a scope", "Use a key with the scope that the detail names."),
    "rate_limited": Entry(
        "Too many requests", "Wait for as many seconds as `Retry-After` says. `RateLimit` tells in advance."
    ),
    "too_many_open_jobs": Entry(
        "Too many open jobs", "Wait until some of your jobs have ended, or cancel some, and send the request again."
    ),
    # what was asked
    "malformed_json": Entry("The body is not JSON", "Send one JSON object, in UTF-8."),
    "invalid_request": Entry("The request is not valid", "`errors` points at each field and says what is wrong."),
    "invalid_input": Entry("The input is not valid", "`errors` points at each field and says what is wrong."),
    "unknown_kind": Entry("There is no such kind of job", "Use one of the kinds that the detail names."),
    "unknown_persona": Entry("There is no such persona", "Use one of the personas that `GET /v1/personas` lists."),
    "unsupported_media_type": Entry("The content type is not supported", "Send `Content-Type: application/json`."),
    "body_too_large": Entry("The request is too large", "Send less, or link to it instead."),
    "method_not_allowed": Entry("The method is not allowed here", "`Allow` names the methods that are."),
    "not_found": Entry("Not found", "It does not exist, is forgotten since `expires_at`, or belongs to another owner."),
    "http_error": Entry("The request cannot be served", "See the detail."),
    "invalid_cursor": Entry(
        "The cursor is not valid",
        "Send the `next` of a page, or the `id` of an event, unchanged. Without, it begins anew.",
    ),
    "cursor_ahead": Entry(
        "The cursor is ahead of everything there is", "The database was restored from a backup: read the feed anew."
    ),
    "unknown_dialog": Entry("There is no such dialog", "Leave `dialog_id` out: dialogs belong to people in chats."),
    "unknown_document": Entry("There is no such document", "Use the ids that `GET /v1/documents` lists."),
    "unknown_comparison": Entry("There is no such comparison", "Use the ids that `GET /v1/comparisons` lists."),
    "comparison_busy": Entry("The comparison is being analysed", "Wait for the end of its job, or cancel it."),
    "unknown_event": Entry("There is no such event", "Use the types of events that the detail names."),
    "unknown_queue": Entry("There is no such queue", "Use one of the queues that `GET /v1/queues` lists."),
    "invalid_mode": Entry("The queue cannot be paused like that", "Use `hold`, or for lanes `drain`."),
    "invalid_secret": Entry("The secret is not valid", "Leave it out and a good one is made, or see the detail."),
    "url_refused": Entry(
        "The address is not one that we call", "Use a public `https://` address that your receiver has."
    ),
    "implicit_endpoint": Entry(
        "The endpoint belongs to a `webhook_url`", "Register an endpoint of your own to set it."
    ),
    "range_not_satisfiable": Entry("The range lies outside of the file", "Ask for bytes that there are, or for all."),
    "link_not_valid": Entry("The link is not valid", "Take a new one from the job or from `GET /v1/media/{id}`."),
    "link_expired": Entry("The link has expired", "Take a new one from the job or from `GET /v1/media/{id}`."),
    "media_gone": Entry("The file is not kept any longer", "Run the job again."),
    # documents
    "form_expired": Entry("The form is too old", "Load the page again, and send it from there."),
    "malformed_form": Entry("The body is not a form", "Send `multipart/form-data` with one file, in the part `file`."),
    "document_type_unknown": Entry("Not a document that can be read", "Save it as PDF, DOCX, HTML, Markdown or text."),
    "document_empty": Entry("The document is empty", "Upload one that has text in it."),
    "document_too_large": Entry("The document is too large", "Split it, or leave out its pictures."),
    "document_too_many_pages": Entry("The document has too many pages", "Split it."),
    "document_too_long": Entry("The document has too much text", "Split it."),
    "document_scanned": Entry("The PDF has no text", "Send it through text recognition (OCR), and upload the result."),
    "document_encrypted": Entry("The document is protected with a password", "Save it without one."),
    "document_broken": Entry("The document is damaged", "Open it in its own program and save it anew."),
    "document_bomb": Entry("The document would unpack to far too much", "Save it anew, without embedded files."),
    "document_too_slow": Entry("Reading the document took too long", "Save it in a simpler form, or split it."),
    "document_too_heavy": Entry("Reading the document took too much memory", "Save it in a simpler form, or split it."),
    "document_crashes_reader": Entry("The document cannot be read", "Save it anew, or as another format."),
    "document_gone": Entry("The document's file is lost", "Upload it again."),
    "document_not_read": Entry("The document was not read to its end", "Upload it again."),
    "chat_file_too_large": Entry("The file is too large for a bot", "Upload it here: Telegram gives 20 MB."),
    "chat_file_gone": Entry("Telegram does not have the file any more", "Send it to the bot again."),
    "chat_file_unreachable": Entry("The file could not be fetched from Telegram", "Send it to the bot again later."),
    "same_document": Entry("Another file has the same content", "Send one that differs from it."),
    "document_in_use": Entry("A comparison uses the document", "Delete the comparison first."),
    # the state of things
    "conflict": Entry("It cannot be done now", "The detail says which state is in the way."),
    "idempotency_key_in_use": Entry(
        "The first request with this Idempotency-Key is still being served", "Send it again after a moment."
    ),
    "idempotency_key_reused": Entry(
        "The Idempotency-Key belongs to another request", "Use a new key for a new request, the old one to repeat it."
    ),
    "no_report_yet": Entry(
        "There is no report yet", "Wait until the comparison has completed, or retry it if it failed."
    ),
    "not_retryable": Entry("The job cannot be retried", "Only failed, cancelled and expired jobs can."),
    "too_many_streams": Entry("Too many event streams", "Close some, or follow all jobs in one: `GET /v1/events`."),
    "endpoint_disabled": Entry("The endpoint is disabled", "Enable it: what was held for it is sent then."),
    "no_endpoint": Entry("The endpoint was deleted", "Nothing can be sent there any more."),
    "content_blocked": Entry("The content is not allowed", "Change what is asked for."),
    "persona_not_allowed": Entry(
        "The persona is not allowed here", "Use one of the personas that `GET /v1/personas` lists."
    ),
    "age_not_confirmed": Entry("The age is not confirmed", "Confirm it in the chat; the bot says how."),
    "suspended": Entry("The account is suspended", "Ask the operator: `postgen safety lift` ends it."),
    "moderator_away": Entry("The moderator does not answer", "The job waits by itself until it does."),
    # our side
    "misconfigured": Entry("The installation lacks a setting", "Tell the operator what the detail says."),
    "temporarily_unavailable": Entry("Not available at the moment", "Send the request again after `Retry-After`."),
    "database_unavailable": Entry("The database does not answer", "Send the request again after `Retry-After`."),
    "media_unreachable": Entry("The media store does not answer", "Send the request again after `Retry-After`."),
    "failed": Entry("It failed", "See the detail."),
    "internal_error": Entry(
        "Something went wrong on our side", "Send the request again. If it stays so, tell the operator when it was."
    ),
    # what a job fails of
    "deadline_passed": Entry("The deadline passed", "Set a later `deadline`, or none, and retry the job."),
    "branch_failed": Entry(
        "A step that it belongs to failed", "Retry that step, or the root of the tree: this one is run again with it."
    ),
    "cancelled": Entry("It was cancelled", "Retry the job if it is wanted after all."),
    "job_lost": Entry("Another run has the job", "It goes on there; there is nothing to do."),
    "still_running": Entry("Something of it is still running", "It goes on by itself when that has ended."),
    "answer_gone": Entry("The answer is gone", "Write a new message: only the last answer can be written anew."),
    "unanswered": Entry("Telegram does not answer", "The job tries again by itself."),
    "crashes_worker": Entry("The job takes its worker down", "Tell the operator; retrying it is no help."),
    "empty_answer": Entry("The language model had nothing to say", "Retry the job, or ask in other words."),
    "llm_model_missing": Entry("The language model is not installed", "Tell the operator what the detail says."),
    "context_too_small": Entry(
        "The language model's context is too small", "Choose another model, or tell the operator what the detail says."
    ),
    "report_not_typeset": Entry(
        "The PDF of the report could not be set", "Ask for the report as HTML, DOCX or Markdown, which say the same."
    ),
    "documents_unreadable": Entry(
        "There are not two documents with a text", "See what the detail says about each, and upload them anew."
    ),
    "comparison_gone": Entry("The comparison was deleted", "Make a new one if it is wanted after all."),
    "analysis_forgotten": Entry("The analysis had no result and is forgotten", "Ask for it again: `POST /v1/jobs`."),
    "llm_quota": Entry("The language model's account is empty", "Tell the operator."),
    "llm_rejected": Entry("The language model refused the request", "See the detail; change the input."),
    "llm_timeout": Entry("The language model took too long", "Retry the job later."),
    "llm_unreachable": Entry("The language model cannot be reached", "Retry the job later."),
    "llm_rate_limited": Entry(
        "The language model is asked too often", "The job waits by itself until it may ask again."
    ),
    "llm_overloaded": Entry("The language model is overloaded", "Retry the job later."),
    "llm_context_overflow": Entry("The text is too long for the language model", "Send a shorter history or prompt."),
    "llm_truncated": Entry("The language model's answer was cut off", "Retry the job, or ask for less."),
    "too_few": Entry("The language model gave fewer than were asked for", "Retry the job, or take a larger model."),
    "wrong_language": Entry(
        "The language model writes in another language", "Retry the job, or take a model that knows the language."
    ),
    "llm_invalid_output": Entry("The language model's answer has the wrong form", "Retry the job."),
    "llm_unreadable": Entry("The language model's answer made no sense", "Retry the job."),
    "provider_away": Entry("The provider is not available", "The job waits by itself until it is."),
    "provider_busy": Entry("The provider is busy", "The job waits by itself for its turn."),
    "provider_timeout": Entry("The provider took too long", "Retry the job later."),
    "budget_spent": Entry("The provider's budget is used up", "Ask the operator, or wait until it is filled up again."),
    "insufficient_funds": Entry("There is not enough to pay for it", "Buy more, or wait as long as the detail says."),
    "image_provider_unreachable": Entry(
        "The provider of pictures cannot be reached", "Retry the job later; `IMAGE_PROVIDERS` may name another one."
    ),
    "image_provider_timeout": Entry("The provider of pictures took too long", "Retry the job later."),
    "image_provider_overloaded": Entry("The provider of pictures is overloaded", "Retry the job later."),
    "image_provider_rate_limited": Entry(
        "The provider of pictures is asked too often", "The job waits by itself until it may ask again."
    ),
    "image_provider_quota": Entry("The account with the provider of pictures is empty", "Tell the operator."),
    "image_provider_rejected": Entry(
        "The provider of pictures refused the request", "See the detail; change the input."
    ),
    "image_provider_unreadable": Entry("The answer of the provider of pictures made no sense", "Retry the job."),
    "image_drawing_failed": Entry("The provider could not draw the picture", "Retry the job, or change the prompt."),
    "image_order_unknown": Entry(
        "Nobody knows whether the provider took the order", "It is looked for, and not placed twice; wait."
    ),
    "image_invalid_output": Entry("What the provider sent is no picture", "Retry the job."),
    "image_truncated": Entry("The picture broke off on its way", "Retry the job."),
    "no_image_provider": Entry("No remote provider draws just now", "The job goes to a lane by itself."),
    "comfyui_unreachable": Entry("ComfyUI cannot be reached", "The job waits by itself until it can."),
    "comfyui_lost_prompt": Entry("ComfyUI lost the picture", "Retry the job."),
    "comfyui_interrupted": Entry("Somebody interrupted the picture in ComfyUI", "Retry the job."),
    "comfyui_node_failed": Entry("A node of the workflow failed", "See the detail; the workflow may need a change."),
    "comfyui_output_missing": Entry("ComfyUI's file is gone", "Retry the job."),
    "comfyui_refused": Entry("ComfyUI refuses the request", "Tell the operator what the detail says."),
    "comfyui_stuck": Entry("ComfyUI made no headway", "Retry the job; if it stays so, tell the operator."),
    "gpu_out_of_memory": Entry("The GPU ran out of memory", "Ask for a smaller picture."),
    "gpu_poisoned": Entry("The GPU failed", "Retry the job later."),
    "workflow_invalid": Entry("The persona's workflow is not valid", "Tell the operator what the detail says."),
    "workflow_format_ui": Entry("The workflow was exported in the wrong format", "Export it with Export (API)."),
    # what a delivery waits for
    "not_delivered": Entry("The receiver did not take it", "It is sent again by itself; see the delivery's attempts."),
    "being_sent": Entry("It is being sent", "Wait for the end of that attempt."),
}
