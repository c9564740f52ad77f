#pragma once

#include <string_view>

#include "jetstream/api_request.h"
#include "jetstream/environment.h"
#include "protocol/base/json.h"

namespace weir::jetstream {

// Advisories (jetstream-api.md 11): published in the account, built only if somebody listens.

// Opens the object with "type", "id" and "timestamp".
JsonWriter StartAdvisory(Environment& env, std::string_view type);
// Closes the object and publishes it.
void PublishAdvisory(Environment& env, AccountId account, std::string_view subject,
                     JsonWriter& advisory);

// `action`: "create", "modify" or "delete"; `event` is its token in the subject.
void AdviseStream(Environment& env, AccountId account, std::string_view stream,
                  std::string_view event, std::string_view action);
void AdviseConsumer(Environment& env, AccountId account, std::string_view stream,
                    std::string_view consumer, std::string_view event, std::string_view action);

// The audit of an API request and its answer; nothing for a MSG.GET that found its message.
void AuditRequest(Environment& env, const ApiRequest& request, std::string_view response);

}  // namespace weir::jetstream
