#!/bin/sh
# Makes the secrets of compose.yaml once: .env and deploy/secrets. What is there stays as it is.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p deploy/secrets
[ -s deploy/secrets/mongo-key ] || openssl rand -base64 756 >deploy/secrets/mongo-key
[ -s deploy/secrets/secrets-key ] || openssl rand -base64 32 >deploy/secrets/secrets-key
[ -e deploy/secrets/metrics-key ] || : >deploy/secrets/metrics-key
# The hubs and Prometheus run as users of their own, and a secret keeps the rights of its file.
chmod 644 deploy/secrets/secrets-key deploy/secrets/metrics-key
if [ ! -e .env ]; then
  for name in MONGO_ROOT_PASSWORD MONGO_HUB_PASSWORD GRAFANA_PASSWORD; do
    printf '%s=%s\n' "$name" "$(openssl rand -hex 24)"
  done >.env
fi
