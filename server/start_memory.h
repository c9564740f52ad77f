#pragma once

namespace weir::server {

// Gives back what only the start needed: free heap pages, and from the working set the pages of
// code and constants, most of which are never looked at again (option tables, parsers, recovery).
// Those that are come back from the page cache at the first touch. Fast; any thread.
void GiveBackStartMemory();

}  // namespace weir::server
