#include "storage/log_doctor.h"

#include <algorithm>
#include <utility>

#include "protocol/base/strings.h"

namespace weir::storage {

LogDoctor::LogDoctor(StoreFiles files, std::optional<DiskMarks> marks, std::string directory,
                     bool repair)
    : files_(files), marks_(marks), directory_(std::move(directory)), repair_(repair) {}

Status LogDoctor::Check(Findings& findings) {
  WEIR_RETURN_IF_ERROR(CheckManifest(findings));
  return CheckLogs(findings);
}

Status LogDoctor::KeepCopy(const std::string& name, std::string_view bytes) {
  if (!repair_) {
    return OkStatus();
  }
  std::string kept = directory_ + "/damaged";
  WEIR_RETURN_IF_ERROR(files_.MakeDirectory(kept));
  return files_.Replace(Cat(kept, "/", name), bytes);
}

Status LogDoctor::ApplyPatches(const std::string& path, const LogScan& scan, Findings& findings) {
  for (const LogScan::Patch& patch : scan.patches) {
    findings.mended.push_back(Cat(path, ": a flipped bit at byte ", patch.at));
    if (repair_) {
      WEIR_RETURN_IF_ERROR(files_.Patch(path, patch.at, patch.bytes));
    }
  }
  return OkStatus();
}

// ---- CURRENT and the manifest ----

StatusOr<std::string> LogDoctor::CurrentManifest(Findings& findings) {
  std::string path = directory_ + "/db/CURRENT";
  std::string text;
  if (files_.Exists(path)) {
    WEIR_ASSIGN_OR_RETURN(text, files_.Read(path));
    if (text.ends_with('\n')) {
      std::string name = text.substr(0, text.size() - 1);
      if (ManifestNumber(name).has_value() && files_.Exists(Cat(directory_, "/db/", name))) {
        return name;
      }
    }
  }
  std::string newest;
  uint64_t highest = 0;
  for (const std::string& name : files_.List(directory_ + "/db")) {
    auto number = ManifestNumber(name);
    if (number.has_value() && *number >= highest) {
      highest = *number;
      newest = name;
    }
  }
  if (newest.empty() ||
      (text.empty() && !files_.Exists(path) && (!marks_.has_value() || marks_->generation == 0))) {
    return std::string();  // a new store, or one whose making was interrupted
  }
  findings.mended.push_back(Cat(path, ": unreadable; it names ", newest, " again"));
  if (repair_) {
    WEIR_RETURN_IF_ERROR(KeepCopy("CURRENT", text));
    WEIR_RETURN_IF_ERROR(files_.Replace(path, newest + "\n"));
  }
  return newest;
}

Status LogDoctor::CheckManifest(Findings& findings) {
  WEIR_ASSIGN_OR_RETURN(std::string name, CurrentManifest(findings));
  if (name.empty()) {
    return OkStatus();
  }
  std::string path = Cat(directory_, "/db/", name);
  WEIR_ASSIGN_OR_RETURN(std::string bytes, files_.Read(path));
  std::string original = bytes;
  LogScan scan = ScanLog(bytes);
  uint64_t synced =
      marks_.has_value() && marks_->manifest_number == ManifestNumber(name).value_or(0)
          ? marks_->manifest_bytes
          : 0;
  std::string twin_path = Cat(directory_, "/twin/", name);
  std::string twin;
  if (files_.Exists(twin_path)) {
    WEIR_ASSIGN_OR_RETURN(twin, files_.Read(twin_path));
  }
  LogScan twin_scan = ScanLog(twin);
  bool good = scan.bad_bytes == 0 && scan.valid_end >= synced && !scan.records.empty();
  bool twin_good = twin_scan.bad_bytes == 0 && twin_scan.valid_end >= synced;
  if ((!good || twin_scan.valid_end > scan.valid_end) && twin_good && twin_scan.valid_end > 0) {
    findings.mended.push_back(Cat(path, ": damaged; its second copy takes its place"));
    if (repair_) {
      WEIR_RETURN_IF_ERROR(KeepCopy(name, original));
      WEIR_RETURN_IF_ERROR(files_.Replace(path, twin.substr(0, twin_scan.valid_end)));
    }
    TakeNeeds(twin, twin_scan);
    return OkStatus();
  }
  if (!good) {
    return DataLoss(
        Cat(path, ": damaged, and so is its second copy; `weir store salvage` may help"));
  }
  TakeNeeds(bytes, scan);
  WEIR_RETURN_IF_ERROR(ApplyPatches(path, scan, findings));
  if (scan.valid_end < bytes.size() && repair_) {
    // The end of a write that power cut short; RocksDB would take it for damage.
    return files_.Replace(path, std::string_view(bytes).substr(0, scan.valid_end));
  }
  return OkStatus();
}

// ---- logs ----

void LogDoctor::TakeNeeds(std::string_view manifest, const LogScan& scan) {
  LogNeeds needs = NeedsOfManifest(manifest, scan);
  oldest_log_ = needs.oldest;
  next_sequence_ = needs.last_sequence.has_value() ? *needs.last_sequence + 1 : UINT64_MAX;
}

Status LogDoctor::CheckLogs(Findings& findings) {
  std::vector<uint64_t> numbers;
  for (const std::string& name : files_.List(directory_ + "/db")) {
    if (auto number = LogNumber(name); number.has_value() && *number >= oldest_log_) {
      numbers.push_back(*number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  for (uint64_t number : numbers) {
    WEIR_RETURN_IF_ERROR(CheckLog(number, findings));
  }
  if (marks_.has_value() && marks_->log_number != 0 && marks_->log_number >= oldest_log_ &&
      (numbers.empty() || numbers.back() < marks_->log_number)) {
    findings.damage.push_back(Cat(directory_, "/db: the log ", marks_->log_number,
                                  " is missing with up to ", marks_->log_bytes,
                                  " bytes of acknowledged writes"));
  }
  return OkStatus();
}

Status LogDoctor::Cut(const std::string& name, std::string bytes, size_t at, Findings& findings) {
  cutting_ = true;
  if (at >= bytes.size()) {
    return OkStatus();
  }
  findings.mended.push_back(Cat(directory_, "/db/", name, ": ", bytes.size() - at,
                                " bytes that were never synced are cut off at byte ", at));
  if (!repair_) {
    return OkStatus();
  }
  bytes.resize(at);
  return files_.Replace(Cat(directory_, "/db/", name), bytes);
}

Status LogDoctor::CheckLog(uint64_t number, Findings& findings) {
  std::string digits = Cat(number);
  std::string name = std::string(6 - std::min<size_t>(digits.size(), 6), '0') + digits + ".log";
  std::string path = Cat(directory_, "/db/", name);
  WEIR_ASSIGN_OR_RETURN(std::string bytes, files_.Read(path));
  if (cutting_) {
    return Cut(name, std::move(bytes), 0, findings);
  }
  // Below this, everything was on the disk.
  size_t synced = !marks_.has_value() || number < marks_->log_number ? SIZE_MAX
                  : number == marks_->log_number                     ? marks_->log_bytes
                                                                     : 0;
  LogScan scan = ScanLog(bytes, synced);
  synced = synced == SIZE_MAX ? scan.valid_end : synced;
  WEIR_RETURN_IF_ERROR(ApplyPatches(path, scan, findings));
  size_t reported = findings.damage.size();
  for (const LogScan::Record& record : scan.records) {
    // The oldest log may hold what is in tables already.
    bool follows = record.sequence <= next_sequence_ && (begun_ || record.begin == 0);
    if (!follows && record.begin >= synced) {
      return Cut(name, std::move(bytes), record.begin, findings);
    }
    if (record.sequence > next_sequence_) {
      findings.damage.push_back(Cat(path, ": ", record.sequence - next_sequence_,
                                    " writes before byte ", record.begin, " cannot be read"));
    }
    uint64_t next = record.sequence + record.count;
    next_sequence_ = begun_ ? std::max(next_sequence_, next) : next;
    begun_ = true;
  }
  if (scan.bad_bytes > 0 && findings.damage.size() == reported) {
    findings.damage.push_back(Cat(path, ": ", scan.bad_bytes, " bytes cannot be read"));
  }
  if (scan.valid_end < synced) {
    findings.damage.push_back(Cat(path, ": damaged or cut off at byte ", scan.valid_end, " of ",
                                  synced, ": acknowledged writes are lost"));
  }
  return findings.damage.size() > reported ? KeepCopy(name, bytes) : OkStatus();
}

}  // namespace weir::storage
