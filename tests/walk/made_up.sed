# Puts \001 around what Sporlog makes up, UUIDs, SHA-256, the hash in an object's key, audit ids and API keys, and \002 around instants
# and the day in an object's key. awk cannot do it: not every one knows `{8}`.
s/[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9a-f]{64}|[0-9a-f]{16}\.jsonl\.gz|aud-[0-9]{8}-[0-9]{3,}|ap_live_[A-Za-z0-9_-]{43}/&/g
s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})|date=[0-9]{4}-[0-9]{2}-[0-9]{2}/&/g
