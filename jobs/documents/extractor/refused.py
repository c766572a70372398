"""A document that cannot be read, by the code under which jobs/documents/refusals.py has its sentence."""


class Refused(Exception):
    def __init__(self, code: str, **values: int) -> None:
        super().__init__(code)
        self.code = code
        self.values = values
