// SPDX-License-Identifier: MIT
#include <lamina/nn/run/planned_memory.hpp>

#include <cstddef>
#include <limits>
#include <string>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/error.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/plan.hpp>
#include <lamina/train/adamw.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

/// A CPU that gives no more than `left` bytes.
class SmallBackend : public CpuBackend {
public:
    SmallBackend() : CpuBackend({.threads = 1}) {}

    [[nodiscard]] Memory allocate(std::size_t bytes) {
        if (bytes > left) throw Error("no memory");
        left -= bytes;
        return CpuBackend::allocate(bytes);
    }
    std::size_t left = std::numeric_limits<std::size_t>::max();
};

struct SmallDevice {
    using answers = question::Device;
};

}  // namespace

template <>
struct lamina::BackendOf<SmallDevice> {
    using type = SmallBackend;
};

namespace {

using Model = Gpt2<tiny, adapter::FullRank, SmallDevice>;

std::string refusal(std::size_t whole, const std::string& part) {
    return "no memory; it is for " + part + ", of which the plan has " + std::to_string(whole) + " bytes";
}

}  // namespace

TEST_CASE("memory that is refused is told with the plan's part and its bytes", "[nn]") {
    constexpr Plan planned = plan<Model>({.batch = 2, .sequence = 3});
    constexpr std::size_t stored = planned.parameter_bytes() + planned.gradients + planned.derived;
    SmallBackend backend;
    backend.left = stored - 1;
    CHECK_THROWS_WITH(Model(backend), refusal(stored, "parameters, their gradients and what is derived of them"));
    backend.left = stored;
    Model model(backend);
    CHECK(backend.left == 0);

    backend.left = planned.moments - 1;
    CHECK_THROWS_WITH(train::AdamW<Model>(model), refusal(planned.moments, "moments"));
    backend.left = planned.workspace.total() - 1;
    CHECK_THROWS_WITH(model.reserve({2, 3}, Use::train),
                      refusal(planned.workspace.total(), "activations of 2 × 3 tokens"));
    backend.left = planned.workspace.total();
    CHECK_NOTHROW(model.reserve({2, 3}, Use::train));
}
