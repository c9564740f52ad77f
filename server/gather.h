#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "server/worker.h"

namespace weir::server {

// Asks every worker and joins the answers: runs `visit(Worker&)` at each, then `done(answers)` on
// the first, with the answers in the order of the workers. To be called on the first worker; with
// only one, everything happens before it returns. When the workers stop meanwhile, `done` is
// dropped.
template <typename Visit, typename Done>
void Gather(const std::vector<std::unique_ptr<Worker>>& workers, Visit visit, Done done) {
  using Answer = decltype(visit(*workers.front()));
  struct Joined {
    std::vector<Answer> answers;
    size_t left;
    Visit visit;
    Done done;
  };
  auto joined = std::make_shared<Joined>(Joined{std::vector<Answer>(workers.size()), workers.size(),
                                                std::move(visit), std::move(done)});
  auto take = [joined](size_t index, Answer answer) {
    joined->answers[index] = std::move(answer);
    if (--joined->left == 0) {
      std::move(joined->done)(std::move(joined->answers));
    }
  };
  Worker* first = workers.front().get();
  for (size_t i = 1; i < workers.size(); ++i) {
    workers[i]->Post([worker = workers[i].get(), first, joined, take, i] {
      first->Post(
          [take, i, answer = joined->visit(*worker)]() mutable { take(i, std::move(answer)); });
    });
  }
  take(0, joined->visit(*first));
}

}  // namespace weir::server
