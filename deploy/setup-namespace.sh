#!/bin/sh
# Creates Sojourn's namespace and the search attributes that its runs carry.
# Runs at every `up`: the retention becomes what the environment says, all else stays.
# TEMPORAL_ADDRESS tells the commands where. Temporal Cloud has its own ways: docs/production.md.
set -eu

: "${TEMPORAL_NAMESPACE:?}" "${RETENTION:?}"
attributes="Journey CustomerId Outcome" # all of type Keyword, as workflows/journey.py has them

operator() { # `create` does not heed TEMPORAL_NAMESPACE as the others do, so all are told
    temporal operator "$@" --namespace "$TEMPORAL_NAMESPACE"
}

try() { # a command, for a minute: a server that just started, or a new namespace, is not known at once
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        if [ "$tries" -ge 30 ]; then
            echo "gave up on: $*" >&2
            return 1
        fi
        sleep 2
    done
}

try temporal operator cluster health

if operator namespace describe >/dev/null 2>&1; then
    operator namespace update --retention "$RETENTION"
else
    operator namespace create --retention "$RETENTION"
fi

for name in $attributes; do
    # one at a time: asked for several of which one exists, the command adds none, and reports success
    try operator search-attribute create --name "$name" --type Keyword
done

created() {
    operator search-attribute list | grep -Eq "^ *$1 +Keyword *$"
}
for name in $attributes; do
    try created "$name"
done
echo "namespace $TEMPORAL_NAMESPACE is ready: retention $RETENTION, search attributes $attributes"
