#pragma once

namespace weir::ingest {

// `weir export run FILE | apply FILE | validate FILE | ls | status [NAME] [--json] | stop NAME |
// sinks` (export.md 5.1). The words up to and including "export" are skipped, so main may hand over
// its own arguments.
//
// `run` and `apply` read the workflow file here, resolve its placeholders and relative paths, and
// hand each step to the Weir that its source address names; the export runs there. Exit codes: 0
// done, 1 other errors, 2 configuration, 3 server or sink out of reach, 4 contract or too many bad
// rows, 5 a gap with on_gap: fail.
int RunExportCommand(int argc, char** argv);

}  // namespace weir::ingest
