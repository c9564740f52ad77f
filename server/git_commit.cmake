# Writes git_commit.cc, the definition of GitCommit(). COMMIT: what it is to say; empty: what git
# says of the working directory. OUT: the file, touched only when something has changed.
if("${COMMIT}" STREQUAL "")
  execute_process(COMMAND git rev-parse --short=7 HEAD
    OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
set(text "#include \"server/git_commit.h\"

namespace weir::server {

std::string_view GitCommit() {
  return \"${COMMIT}\";
}

}  // namespace weir::server
")
set(old "")
if(EXISTS "${OUT}")
  file(READ "${OUT}" old)
endif()
if(NOT "${old}" STREQUAL "${text}")
  file(WRITE "${OUT}" "${text}")
endif()
