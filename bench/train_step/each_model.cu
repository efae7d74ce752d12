// SPDX-License-Identifier: MIT
// On the GPU, each model that the build was asked for: an entry for each execution, and one where memory matters.
#include "../../examples/common/built_models.hpp"
#include "../../examples/common/cuda_backend.hpp"
#include "../../examples/common/trained_on_cuda.hpp"
#include "choice.hpp"
#include "measure.hpp"

#include "this_model.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace train_step {

namespace {

namespace execution = lamina::execution;

constexpr lamina::Architecture architecture = ThisModel::architecture;
constexpr lamina::Extent usual{.batch = 16, .sequence = std::min<std::size_t>(architecture.context, 1024)};

/// The flagship's, whatever the programs are built for.
struct FullRank {
    static constexpr const char* precision = "frozen-bf16";
    using Adapter = lamina::adapter::FullRank;
    using Targets = lamina::targets::All;
};

template <class Execution>
using Trained = common::TrainedOnCuda<ThisModel, FullRank, Execution>;
template <class Execution>
using Kept = common::KeptOnCuda<ThisModel, FullRank, Execution>;

// Bytes, as such cards are sold: an H100 or A100, and an H200.
constexpr std::size_t small_card = 80'000'000'000;
constexpr std::size_t large_card = 141'000'000'000;
template <class Execution>
constexpr bool fits = lamina::plan<Trained<Execution>>(usual).peak_bytes() <=
                      small_card&& lamina::plan<Kept<Execution>>(usual).peak_bytes() <= large_card;
static_assert(!(architecture == lamina::gpt2_xl) || (fits<execution::Merged> && fits<execution::Split>));

std::vector<Entry> entries() {
    constexpr common::Device cuda = common::Device::cuda;
    const std::string size = detail::size_of(common::built_model<ThisModel>().name);
    std::vector<Entry> entries;
    // What is quicker where it has room comes before the others, since the first that fits is taken (choice.hpp).
    if constexpr (!std::is_same_v<Kept<execution::Merged>, Trained<execution::Merged>>) {
        entries.push_back(entry<Kept<execution::Merged>>(cuda, size, usual));
    }
    entries.push_back(entry<Trained<execution::Merged>>(cuda, size, usual));
    entries.push_back(entry<Trained<execution::Split>>(cuda, size, usual));
    entries.push_back(entry<Trained<execution::Factored>>(cuda, size, usual));
    return entries;
}

const Entries registered(entries());

}  // namespace

}  // namespace train_step
