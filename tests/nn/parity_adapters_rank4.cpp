// SPDX-License-Identifier: MIT
// Gradients of rank-4 adapters, norms real, half removed and removed, against the method written in PyTorch.
#include <lamina/removal/removable_norm.hpp>

#include "nn/adapter_goldens.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class... Ps>
using Model = Gpt2<gpt2_mid, norm::Removable, adapter::Lora<4>, Ps...>;

template <class M>
void check_every_case(double bar) {
    for (const char* const name : {"rank4_real", "rank4_fake", "rank4_mixed", "rank4_fake_bos"})
        check_adapter_case<M>(name, bar);
}

}  // namespace

TEMPLATE_TEST_CASE("the gradients of rank-4 adapters are PyTorch's however they are executed", "[nn]",
                   execution::Factored, execution::Split, execution::Merged) {
    check_every_case<Model<TestType>>(1e-4);
}

TEST_CASE("the gradients of rank-4 adapters are PyTorch's in double to the digits of the files", "[nn]") {
    // Gradients are stored in float: half a unit in the last place is 6e-8 of each element.
    check_every_case<Model<precision::Fp64, execution::Factored>>(1e-7);
}
