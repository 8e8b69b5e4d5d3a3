"""What is counted. Every metric is declared here, with what it means when it goes up."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

COMMANDS = Counter(
    "parley_commands_total",
    "Commands carried out, by kind and how they ended: done, refused, replayed, broken.",
    ["kind", "ended"],
)
"broken growing: owners raise; the log says where. replayed growing: clients retry a lot."

COMMAND_SECONDS = Histogram(
    "parley_command_seconds",
    "From an owner taking a command up to its commit.",
    ["kind"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
"Growing: the database is slow, or owners wait for each other's locks."

COMMAND_RETRIES = Counter(
    "parley_command_retries_total",
    "Units of work done again after a deadlock, a lock timeout or a lost connection.",
    ["kind"],
)

JOBS = Counter(
    "parley_jobs_total",
    "Attempts at jobs by kind and how they ended: done, retried, failed, released, lost, poison.",
    ["kind", "ended"],
)
"lost: the lease ran out under a worker that lived. poison: set aside because workers died of it."

WEBHOOK_ATTEMPTS = Counter(
    "parley_webhook_attempts_total",
    "Attempts at webhook deliveries by how they ended: delivered, again, never, gone, lost.",
    ["ended"],
)
"again growing: receivers do not answer. lost: attempts last longer than their leases."

OUTBOX_RELAYED = Counter(
    "parley_outbox_relayed_total",
    "Messages the relay had to send because the worker that left them did not.",
)
"Grows with workers killed and with Redis away; at other times it stands still."

HTTP_REQUESTS = Counter(
    "parley_http_requests_total",
    "Requests answered.",
    ["method", "route", "status"],
)
"5xx growing: something behind the API does not answer; 429: a tenant asks more than its share."

HTTP_SECONDS = Histogram(
    "parley_http_request_seconds",
    "From a request's headers to the last of its answer.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
"Growing: owners, the database or Redis are slow; beside `parley_command_seconds` it says which."

UNCOUNTED_REQUESTS = Counter(
    "parley_rate_limit_uncounted_total",
    "Requests let through without being counted, because Redis did not answer.",
)
"Grows while Redis is away; at other times it stands still."
