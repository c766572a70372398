"""Of whom and for whom is a job, as far as content rules want to know it?"""

from jobs.companion.personas import Personas
from jobs.companion.quiet import is_quiet
from jobs.db.work.jobs import Job
from jobs.owners import is_of_chat
from jobs.safety.ratings import needs_age
from jobs.safety.safety import Subject


def subject_of(job: Job, personas: Personas) -> Subject:
    persona = personas.all.get(str(job.input.get("persona", "")).lower())
    adult = persona is not None and needs_age(persona)
    return Subject(job.owner, job.kind, job.id, adult=adult, counts=_was_asked_for(job))


def _was_asked_for(job: Job) -> bool:
    """A step of another job was not, nor what a dialog does by itself."""
    if job.parent_id is not None or is_quiet(job.destination):
        return False
    return bool(job.destination) or not is_of_chat(job.owner)
