#include "server/start_memory.h"

#include <cstdint>

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace weir::server {

namespace {

// Segments that cannot be written hold exactly what is in the file.
int ForgetReadOnlySegments(dl_phdr_info* object, size_t /*size*/, void* /*unused*/) {
  auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
      continue;
    }
    uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_filesz;
    // Locked memory refuses, and stays.
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void GiveBackStartMemory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(ForgetReadOnlySegments, nullptr);
}

}  // namespace weir::server
