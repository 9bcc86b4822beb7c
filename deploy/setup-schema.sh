#!/bin/sh
# Creates Temporal's two databases and brings their schemas up to the release of this image.
# Runs at every `up`: each of the three commands leaves alone what is there already.
# SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD tell the tool where.
set -eu

schemas=/etc/temporal/schema/postgresql/v12

set_up() { # database, its folder of migrations
    temporal-sql-tool --db "$1" create
    temporal-sql-tool --db "$1" setup-schema -v 0.0
    temporal-sql-tool --db "$1" update-schema -d "$schemas/$2/versioned"
}

set_up temporal temporal
set_up temporal_visibility visibility
