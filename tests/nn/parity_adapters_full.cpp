// SPDX-License-Identifier: MIT
// Gradients of full-rank adapters, norms real, half removed and removed, against the method written in PyTorch.
#include <lamina/removal/removable_norm.hpp>

#include "nn/adapter_goldens.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class... Ps>
using Model = Gpt2<gpt2_mid, norm::Removable, adapter::FullRank, Ps...>;

template <class M>
void check_every_case(double bar) {
    for (const char* const name : {"full_real", "full_fake", "full_mixed"}) check_adapter_case<M>(name, bar);
}

}  // namespace

TEMPLATE_TEST_CASE("the gradients of full-rank adapters are PyTorch's however they are executed", "[nn]",
                   execution::Factored, execution::Split, execution::Merged) {
    check_every_case<Model<TestType>>(1e-4);
}

TEST_CASE("the gradients of full-rank adapters are PyTorch's in double to the digits of the files", "[nn]") {
    // Gradients are stored in float: half a unit in the last place is 6e-8 of each element.
    check_every_case<Model<precision::Fp64, execution::Factored>>(1e-7);
}
