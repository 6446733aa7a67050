# One image for every process: the command picks which. Engines are not in it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /app && /app/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md ./
COPY schemas schemas
COPY services services
RUN pip install --no-cache-dir "setuptools>=77" wheel \
    && pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && /app/bin/pip install --no-cache-dir --no-deps wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /nonexistent referrals
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 NUMBA_CACHE_DIR=/app/kernels REFERRALS_HEALTH_HOST=0.0.0.0 REFERRALS_HEALTH_PORT=8080
# The matching index is compiled here, so that no router does it when it starts; one on another kind of processor does,
# and may keep it. Layers keep whole seconds only, and whatever is compiled is good for its source's very instant.
RUN find /app/lib -path '*/services/matching/index/*.py' -exec touch -d @0 {} + \
    && python -m services.matching.index && chown -R 10001 /app/kernels
USER 10001
EXPOSE 8080
# /live is about progress: a process that hangs is replaced, one that waits for Kafka is not.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/live', timeout=4)"]
ENTRYPOINT ["referrals"]
CMD ["--help"]
