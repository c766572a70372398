# syntax=docker/dockerfile:1
# One image for every process; the command chooses which:
#   alembic upgrade head
#   uvicorn api.app:app --host 0.0.0.0 --port 8000
#   uvicorn webhook.app:app --host 0.0.0.0 --port 8001
#   procrastinate --app=jobs.worker.app worker --queues=gpu-0 --concurrency=2
#   postgen doctor | webhook set | keys create | queues | lanes | workers
# Health checks are in compose.yaml: they differ from process to process.
#
# Never built by CI, which has no container engine: check `docker build .` yourself after changing this file.

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.lock /tmp/
RUN /opt/venv/bin/pip install --no-deps --require-hashes --requirement /tmp/requirements.lock

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin postgen \
    && install --directory --owner=postgen /media
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 MEDIA_URL=file:/media
WORKDIR /app
COPY . .
# editable: the code is in /app and nowhere else, the commands (postgen, …) are on the PATH
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . && python -m compileall -q /app /opt/venv
USER postgen
VOLUME /media
CMD ["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8000"]
