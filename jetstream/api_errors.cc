#include "jetstream/api_errors.h"

#include <algorithm>
#include <array>

#include "protocol/base/strings.h"

namespace weir::jetstream {

namespace {

struct Row {
  int err_code;
  int code;
  std::string_view text;
};

// Sorted by err_code.
constexpr std::array kErrors{
    Row{10002, 400, "resource limits exceeded for account"},
    Row{10003, 400, "bad request"},
    Row{10004, 503, "incomplete results"},
    Row{10005, 400, "{err}"},
    Row{10006, 500, "JetStream not in clustered mode"},
    Row{10007, 500, "JetStream cluster not assigned to this server"},
    Row{10008, 503, "JetStream system temporarily unavailable"},
    Row{10009, 500, "JetStream cluster can not handle request"},
    Row{10010, 503, "JetStream clustering support required"},
    Row{10011, 400, "tags placement not supported for operation"},
    Row{10012, 500, "{err}"},
    Row{10013, 400, "consumer name already in use"},
    Row{10014, 404, "consumer not found"},
    Row{10015, 400, "deliver subject not valid"},
    Row{10016, 400, "consumer expected to be durable but no durable name set in subject"},
    Row{10017, 400, "consumer name in subject does not match durable name in request"},
    Row{10018, 400, "consumer expected to be durable but a durable name was not set"},
    Row{10019, 400, "consumer expected to be ephemeral but detected a durable name set in subject"},
    Row{10020, 400, "consumer expected to be ephemeral but a durable name was set in request"},
    Row{10021, 400, "stream external api prefix {prefix} must not overlap with {subject}"},
    Row{10022, 400,
        "stream external delivery prefix {prefix} overlaps with stream subject {subject}"},
    Row{10023, 503, "insufficient resources"},
    Row{10024, 400, "stream external delivery prefix {prefix} must not contain wildcards"},
    Row{10025, 400, "invalid JSON: {err}"},
    Row{10026, 400, "maximum consumers limit reached"},
    Row{10027, 400, "maximum number of streams reached"},
    Row{10028, 500, "insufficient memory resources available"},
    Row{10029, 500, "{err}"},
    Row{10030, 400, "stream mirror must have max message size >= source"},
    Row{10031, 400, "stream mirrors can not also contain other sources"},
    Row{10032, 400, "stream mirrors can not have both start seq and start time configured"},
    Row{10033, 400, "stream mirrors can not contain filtered subjects"},
    Row{10034, 400, "stream mirrors can not contain subjects"},
    Row{10035, 503, "account not found"},
    Row{10036, 503, "not currently supported in clustered mode"},
    Row{10037, 404, "no message found"},
    Row{10038, 400, "expected an empty request payload"},
    Row{10039, 503, "JetStream not enabled for account"},
    Row{10040, 400, "peer not a member"},
    Row{10041, 500, "{err}"},
    Row{10042, 500, "JetStream unable to subscribe to restore snapshot {subject}: {err}"},
    Row{10043, 400, "sequence {seq} not found"},
    Row{10044, 400, "server is not a member of the cluster"},
    Row{10045, 500, "{err}"},
    Row{10046, 400, "stream source must have max message size >= target"},
    Row{10047, 500, "insufficient storage resources available"},
    Row{10048, 500, "{err}"},
    Row{10049, 500, "{err}"},
    Row{10050, 500, "{err}"},
    Row{10051, 500, "{err}"},
    Row{10052, 500, "{err}"},
    Row{10053, 500, "{err}"},
    Row{10054, 400, "message size exceeds maximum allowed"},
    Row{10055, 400, "stream mirror configuration can not be updated"},
    Row{10056, 400, "stream name in subject does not match request"},
    Row{10057, 500, "{err}"},
    Row{10058, 400, "stream name already in use with a different configuration"},
    Row{10059, 404, "stream not found"},
    Row{10060, 400, "expected stream does not match"},
    Row{10061, 400, "Replicas configuration can not be updated"},
    Row{10062, 500, "restore failed: {err}"},
    Row{10063, 503, "expected stream sequence does not match"},
    Row{10064, 500, "snapshot failed: {err}"},
    Row{10065, 400, "subjects overlap with an existing stream"},
    Row{10066, 500, "{err}"},
    Row{10067, 500, "{err}"},
    Row{10068, 404, "template not found"},
    Row{10069, 500, "{err}"},
    Row{10070, 400, "wrong last msg ID: {id}"},
    Row{10071, 400, "wrong last sequence: {seq}"},
    Row{10072, 500, "JetStream unable to open temp storage for restore"},
    Row{10073, 400, "template name in subject does not match request"},
    Row{10074, 500, "replicas > 1 not supported in non-clustered mode"},
    Row{10075, 503, "peer remap failed"},
    Row{10076, 503, "JetStream not enabled"},
    Row{10077, 503, "{err}"},
    Row{10078, 400, "consumer config required"},
    Row{10079, 400, "consumer deliver subject has wildcards"},
    Row{10080, 400, "consumer in push mode can not set max waiting"},
    Row{10081, 400, "consumer deliver subject forms a cycle"},
    Row{10082, 400, "consumer requires ack policy for max ack pending"},
    Row{10083, 400, "consumer idle heartbeat needs to be >= 100ms"},
    Row{10084, 400, "consumer in pull mode requires explicit ack policy on workqueue stream"},
    Row{10085, 400, "consumer in pull mode requires a durable name"},
    Row{10086, 400, "consumer in pull mode can not have rate limit set"},
    Row{10087, 400, "consumer max waiting needs to be positive"},
    Row{10088, 400, "consumer idle heartbeat requires a push based consumer"},
    Row{10089, 400, "consumer flow control requires a push based consumer"},
    Row{10090, 400, "consumer direct requires a push based consumer"},
    Row{10091, 400, "consumer direct requires an ephemeral consumer"},
    Row{10092, 400, "consumer direct on a mapped consumer"},
    Row{10093, 400, "consumer filter subject is not a valid subset of the interest subjects"},
    Row{10094, 400, "{err}"},
    Row{10095, 400, "failed to parse consumer sampling configuration: {err}"},
    Row{10096, 500, "stream not valid"},
    Row{10097, 400, "header size exceeds maximum allowed of 64k"},
    Row{10098, 400, "workqueue stream requires explicit ack"},
    Row{10099, 400, "multiple non-filtered consumers not allowed on workqueue stream"},
    Row{10100, 400, "filtered consumer not unique on workqueue stream"},
    Row{10101, 400, "consumer must be deliver all on workqueue stream"},
    Row{10102, 400, "consumer name is too long, maximum allowed is {max}"},
    Row{10103, 400, "durable name can not contain '.', '*', '>'"},
    Row{10104, 500, "error creating store for consumer: {err}"},
    Row{10105, 400, "consumer already exists and is still active"},
    Row{10106, 400, "consumer replacement durable config not the same"},
    Row{10107, 400, "consumer description is too long, maximum allowed is {max}"},
    Row{10108, 400, "consumer with flow control also needs heartbeats"},
    Row{10109, 400, "invalid operation on sealed stream"},
    Row{10110, 500, "{err}"},
    Row{10111, 500, "{err}"},
    Row{10112, 400, "invalid push consumer deliver subject"},
    Row{10113, 400, "account requires a stream config to have max bytes set"},
    Row{10114, 400, "consumer max request batch needs to be > 0"},
    Row{10115, 400, "consumer max request expires needs to be >= 1ms"},
    Row{10116, 400, "max deliver is required to be > length of backoff values"},
    Row{10117, 500, "subject details would exceed maximum allowed"},
    Row{10118, 500, "stream is offline"},
    Row{10119, 500, "consumer is offline"},
    Row{10120, 400, "no JetStream default or applicable tiered limit present"},
    Row{10121, 400, "consumer max ack pending exceeds system limit of {limit}"},
    Row{10122, 400, "stream max bytes exceeds account limit max stream bytes"},
    Row{10123, 400, "can not move and scale a stream in a single update"},
    Row{10124, 400, "stream move already in progress"},
    Row{10125, 400, "consumer max request batch exceeds server limit of {limit}"},
    Row{10126, 400, "consumer config replica count exceeds parent stream"},
    Row{10127, 400, "Consumer name can not contain path separators"},
    Row{10128, 400, "Stream name can not contain path separators"},
    Row{10129, 400, "stream reconfiguration not in progress"},
    Row{10130, 400, "stream name already in use, cannot restore"},
    Row{10131, 400, "Consumer create request did not match filtered subject from create subject"},
    Row{10132, 400, "Consumer Durable and Name have to be equal if both are provided"},
    Row{10133, 400, "replicas count cannot be negative"},
    Row{10134, 400, "consumer config replicas must match interest retention stream's replicas"},
    Row{10135, 400, "consumer metadata exceeds maximum size of {limit}"},
    Row{10136, 400, "consumer cannot have both FilterSubject and FilterSubjects specified"},
    Row{10137, 400, "consumer with multiple subject filters cannot use subject based API"},
    Row{10138, 400, "consumer subject filters cannot overlap"},
    Row{10139, 400, "consumer filter in FilterSubjects cannot be empty"},
    Row{10140, 400, "duplicate source configuration detected"},
    Row{10141, 400, "sourced stream name is invalid"},
    Row{10142, 400, "mirrored stream name is invalid"},
    Row{10143, 400, "stream mirrors can not have first sequence configured"},
    Row{10144, 400,
        "source with multiple subject transforms cannot also have a single subject filter"},
    Row{10145, 400, "source transform source: {err}"},
    Row{10146, 400, "source transform: {err}"},
    Row{10147, 400, "source filters can not overlap"},
    Row{10148, 400, "consumer already exists"},
    Row{10149, 400, "consumer does not exist"},
    Row{10150, 400,
        "mirror with multiple subject transforms cannot also have a single subject filter"},
    Row{10151, 400, "mirror transform source: {err}"},
    Row{10152, 400, "mirror subject filters can not overlap"},
    Row{10153, 400, "consumer inactive threshold exceeds system limit of {limit}"},
    Row{10154, 400, "mirror transform: {err}"},
    Row{10155, 400, "stream transform source: {err}"},
    Row{10156, 400, "stream transform: {err}"},
    Row{10157, 400, "pedantic mode: {err}"},
    Row{10158, 409, "duplicate message id is in process"},
    Row{10159, 400, "Setting PriorityPolicy requires at least one PriorityGroup to be set"},
    Row{10160, 400, "Provided priority group does not exist for this consumer"},
    Row{10161, 400, "Group name cannot be an empty string"},
    Row{10162, 400,
        "Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 "
        "characters"},
    Row{10163, 503, "expected last sequence per subject temporarily unavailable"},
    Row{10164, 400, "wrong last sequence"},
    Row{10165, 400, "invalid per-message TTL"},
    Row{10166, 400, "per-message TTL is disabled"},
    Row{10167, 429, "too many requests"},
    Row{10168, 400, "message counters is disabled"},
    Row{10169, 400, "message counter increment is missing"},
    Row{10170, 400, "message counter has payload"},
    Row{10171, 400, "message counter increment is invalid"},
    Row{10172, 400, "message counter is broken"},
    Row{10173, 400, "stream mirrors can not also calculate counters"},
    Row{10174, 400, "atomic publish is disabled"},
    Row{10175, 400, "atomic publish sequence is missing"},
    Row{10176, 400, "atomic publish batch is incomplete"},
    Row{10177, 400, "atomic publish unsupported header used: {header}"},
    Row{10178, 400, "priority groups can not be used with push consumers"},
    Row{10179, 400, "atomic publish batch ID is invalid"},
    Row{10180, 412, "min last sequence"},
    Row{10181, 400, "consumer ack policy invalid"},
    Row{10182, 400, "consumer replay policy invalid"},
    Row{10183, 400, "consumer ack wait needs to be positive"},
    Row{10184, 400, "consumer backoff needs to be positive"},
    Row{10185, 412, "JetStream minimum api level required"},
    Row{10186, 400, "stream mirrors can not also schedule messages"},
    Row{10187, 400, "stream source can not also schedule messages"},
    Row{10188, 400, "message schedules is disabled"},
    Row{10189, 400, "message schedules pattern is invalid"},
    Row{10190, 400, "message schedules target is invalid"},
    Row{10191, 400, "message schedules invalid per-message TTL"},
    Row{10192, 400, "message schedules invalid rollup"},
    Row{10193, 400, "missing sequence for expected last sequence per subject"},
    Row{10194, 500, "stream is offline: {err}"},
    Row{10195, 500, "consumer is offline: {err}"},
    Row{10196, 400, "consumer can not have priority groups when policy is none"},
    Row{10197, 400, "PinnedTTL cannot be set when PriorityPolicy is none"},
    Row{10198, 400, "stream mirrors can not also use atomic publishing"},
    Row{10199, 400, "atomic publish batch is too large: {size}"},
    Row{10200, 400, "atomic publish batch commit is invalid"},
    Row{10201, 400, "atomic publish batch contains duplicate message id"},
    Row{10202, 400, "cluster member change is in progress"},
    Row{10203, 400, "message schedules source is invalid"},
    Row{10204, 400, "invalid reset: {err}"},
    Row{10205, 400, "batch publish is disabled"},
    Row{10206, 400, "batch publish pattern is invalid"},
    Row{10207, 400, "batch publish ID is invalid"},
    Row{10208, 400, "batch publish ID unknown"},
    Row{10209, 400, "stream mirrors can not also use batch publishing"},
    Row{10210, 429, "atomic publish too many inflight"},
    Row{10211, 429, "batch publish too many inflight"},
    Row{10212, 400, "message schedules invalid scheduler"},
    Row{10213, 400, "stream mirror consumer config is invalid"},
    Row{10214, 400, "stream mirror consumer requires flow control ack policy"},
    Row{10215, 400, "stream source consumer config is invalid"},
    Row{10216, 400, "duplicate stream source consumer detected"},
    Row{10217, 400, "stream source consumer requires flow control ack policy"},
    Row{10218, 400, "flow control ack policy requires a push based consumer"},
    Row{10219, 400, "flow control ack policy requires flow control"},
    Row{10220, 400, "flow control ack policy requires max ack pending"},
    Row{10221, 400, "flow control ack policy requires unset ack wait"},
    Row{10222, 400, "flow control ack policy requires unset max deliver"},
    Row{10223, 400, "message schedules time zone is invalid"},
    Row{10224, 400, "JetStream system rescue not applied: {err}"},
    Row{10225, 400, "consumer's stream identity does not match: {msg}"},
    Row{10226, 400, "stream reconfiguration already in progress"},
    Row{10227, 400, "message stream source header is not allowed"},
    Row{10228, 500, "stream source consumer stalled on flow control"},
};

}  // namespace

void ApiError::WriteTo(JsonWriter& out) const {
  out.Key("error").OpenObject();
  out.Field("code", code).Field("err_code", err_code);
  out.Optional("description", description);
  out.CloseObject();
}

ApiError MakeError(int err_code, std::string_view first, std::string_view second) {
  const auto* row = std::lower_bound(kErrors.begin(), kErrors.end(), err_code,
                                     [](const Row& a, int wanted) { return a.err_code < wanted; });
  WEIR_CHECK(row != kErrors.end() && row->err_code == err_code);
  ApiError error{row->code, row->err_code, {}};
  std::string_view rest = row->text;
  for (std::string_view argument : {first, second}) {
    size_t open = rest.find('{');
    size_t close = rest.find('}');
    if (open == std::string_view::npos || close == std::string_view::npos) {
      break;
    }
    CatTo(error.description, rest.substr(0, open), argument);
    rest.remove_prefix(close + 1);
  }
  error.description.append(rest);
  return error;
}

std::string RefusalJson(std::string_view stream, const ApiError& error) {
  JsonWriter out;
  out.OpenObject();
  error.WriteTo(out);
  out.Field("stream", stream).Field("seq", 0).CloseObject();
  return out.Take();
}

}  // namespace weir::jetstream
