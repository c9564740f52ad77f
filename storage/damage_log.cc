#include "storage/damage_log.h"

namespace weir::storage {

void DamageLog::Add(std::string_view line) {
  MutexLock lock(mu_);
  ++damaged_;
  if (lines_.size() < kMaxLines) {
    lines_.emplace_back(line);
    if (log_ != nullptr) {
      log_->Error("store: ", line);
    }
  }
}

void DamageLog::AddMended(std::string_view line) {
  MutexLock lock(mu_);
  ++mended_;
  if (log_ != nullptr) {
    log_->Warn("store: mended: ", line);
  }
}

void DamageLog::Add(const Findings& findings) {
  for (const std::string& line : findings.mended) {
    AddMended(line);
  }
  for (const std::string& line : findings.damage) {
    Add(line);
  }
}

uint64_t DamageLog::damaged() const {
  MutexLock lock(mu_);
  return damaged_;
}

uint64_t DamageLog::mended() const {
  MutexLock lock(mu_);
  return mended_;
}

std::vector<std::string> DamageLog::lines() const {
  MutexLock lock(mu_);
  return lines_;
}

}  // namespace weir::storage
