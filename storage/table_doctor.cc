#include "storage/table_doctor.h"

#include <algorithm>

#include "protocol/base/strings.h"
#include "protocol/base/varint.h"
#include "storage/bit_repair.h"
#include "storage/coding.h"
#include "storage/crc32c.h"

namespace weir::storage {

namespace {

// An edit of the manifest: fields, each behind its number as a varint.
constexpr uint32_t kFieldFamily = 200;
constexpr uint32_t kFieldDeletedFile = 6;

// One record in the format of log_scan.h.
void AppendLogRecord(std::string& file, std::string_view record) {
  constexpr size_t kBlock = 32 * 1024;
  constexpr size_t kHeader = 7;
  for (bool begin = true, end = false; !end; begin = false) {
    size_t left = kBlock - file.size() % kBlock;
    if (left < kHeader) {
      file.append(left, '\0');
      left = kBlock;
    }
    size_t size = std::min(record.size(), left - kHeader);
    end = size == record.size();
    std::string piece(1, static_cast<char>(begin && end ? 1 : begin ? 2 : end ? 4 : 3));
    piece.append(record.substr(0, size));
    record.remove_prefix(size);
    AppendInt(file, MaskChecksum(Crc32c(piece)));
    AppendInt(file, static_cast<uint16_t>(size));
    file.append(piece);
  }
}

}  // namespace

std::vector<std::string> TableDoctor::Check(const std::vector<std::string>& names,
                                            TableFile::Depth depth, bool repair, Findings& findings,
                                            const TableFile::Throttle& throttle) {
  std::vector<std::string> unreadable;
  for (const std::string& name : names) {
    bool table = name.ends_with(".sst");
    if (!table && !name.ends_with(".blob")) {
      continue;
    }
    std::string path = Cat(directory_, "/db/", name);
    TableFile file(files_, path);
    auto report =
        table ? file.Check(depth, repair, throttle) : file.CheckBlobs(depth, repair, throttle);
    if (!report.ok()) {
      if (files_.Exists(path)) {
        findings.damage.emplace_back(Message(report.status()));
      }
      continue;  // else a compaction has removed it
    }
    if (report->mended > 0) {
      findings.mended.push_back(Cat(path, ": ", report->mended, " flipped bits"));
    }
    if (!report->structure && table) {
      unreadable.push_back(name);
    } else if (report->bad_blocks > 0 || !report->structure) {
      findings.damage.push_back(
          Cat(path, ": ", std::max<uint64_t>(report->bad_blocks, 1), " blocks cannot be read"));
    }
  }
  return unreadable;
}

Status TableDoctor::AppendToManifest(const std::vector<Live>& tables) {
  WEIR_ASSIGN_OR_RETURN(std::string name, files_.Read(directory_ + "/db/CURRENT"));
  name = std::string(TrimSpace(name));
  std::string path = Cat(directory_, "/db/", name);
  WEIR_ASSIGN_OR_RETURN(std::string manifest, files_.Read(path));
  for (const Live& table : tables) {
    std::string edit;
    AppendVarint(edit, kFieldFamily);
    AppendVarint(edit, table.family);
    AppendVarint(edit, kFieldDeletedFile);
    AppendVarint(edit, table.level);
    AppendVarint(edit, table.number);
    AppendLogRecord(manifest, edit);
  }
  std::string twin = Cat(directory_, "/twin/", name);
  if (files_.Exists(twin)) {
    WEIR_RETURN_IF_ERROR(files_.Replace(twin, manifest));
  }
  return files_.Replace(path, manifest);
}

StatusOr<std::vector<TableDoctor::Rescued>> TableDoctor::TakeOut(const std::vector<Live>& tables,
                                                                 Findings& findings) {
  std::vector<Rescued> rescued;
  WEIR_RETURN_IF_ERROR(files_.MakeDirectory(directory_ + "/damaged"));
  for (const Live& table : tables) {
    std::string path = Cat(directory_, "/db/", table.name);
    size_t before = rescued.size();
    TableFile file(files_, path);
    WEIR_RETURN_IF_ERROR(file.ForEachEntry([&](const TableFile::Entry& entry) {
      rescued.push_back({table.family, std::string(entry.key), std::string(entry.value)});
    }));
    findings.damage.push_back(Cat(path, ": damaged and taken out of the store; ",
                                  rescued.size() - before, " records of it can be read"));
    WEIR_ASSIGN_OR_RETURN(std::string bytes, files_.Read(path));
    WEIR_RETURN_IF_ERROR(files_.Replace(Cat(directory_, "/damaged/", table.name), bytes));
  }
  WEIR_RETURN_IF_ERROR(AppendToManifest(tables));
  return rescued;
}

}  // namespace weir::storage
