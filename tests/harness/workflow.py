"""Workflow files in the Nilus form."""


def write_workflow(path, port, subject, stream, database, table, *, batch_size=2000, loop="false", more=""):
    """A workflow that exports `stream` of the server at `port` into a table of a SQLite file."""
    path.write_text(f"""\
name: test
version: v1
type: workflow
tags:
  - test
description: written by a test
workflow:
  dag:
    - name: to-sqlite
      spec:
        stack: nilus:1.0
        compute: runnable-default
        logLevel: Info
        stackSpec:
          source:
            address: nats+jetstream://127.0.0.1:{port}?subject={subject.replace(">", "%3E")}&batch_size={batch_size}
            options:
              source-table: {stream}
              run-in-loop: {loop}
          sink:
            address: sqlite://{database}
            options:
              dest-table: {table}
              incremental-strategy: append
{more}""", encoding="utf-8")
    return path
