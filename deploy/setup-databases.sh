#!/bin/sh
# Makes who owns what in PostgreSQL: one role for Temporal, one for Sojourn, and Sojourn's database.
# Runs at every `up`: what is there stays, and the passwords become what the environment says.
set -eu

: "${TEMPORAL_DB_PASSWORD:?}" "${STORE_DB_PASSWORD:?}"

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres <<'SQL'
\getenv temporal_password TEMPORAL_DB_PASSWORD
\getenv store_password STORE_DB_PASSWORD

-- Temporal's own tool creates its two databases: see setup-schema.sh
SELECT 'CREATE ROLE temporal LOGIN CREATEDB'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'temporal') \gexec
SELECT 'CREATE ROLE sojourn LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sojourn') \gexec
ALTER ROLE temporal PASSWORD :'temporal_password';
ALTER ROLE sojourn PASSWORD :'store_password';

SELECT 'CREATE DATABASE sojourn OWNER sojourn'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'sojourn') \gexec
-- customers' profiles and addresses live here, and Temporal has no business with them
REVOKE CONNECT ON DATABASE sojourn FROM PUBLIC;
SQL

echo "roles temporal and sojourn, and database sojourn, are ready"
