// SPDX-License-Identifier: MIT
#include <lamina/arch/visit.hpp>

#include <string>
#include <vector>

#include "arch/sample_tree.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

using Weight = SampleParameter<Role::weight, 3, 5>;
using Product = Derived<float, DerivedKind::materialised, 3, 5>;

static_assert(ParameterMember<Weight> && !DerivedMember<Weight>);
static_assert(DerivedMember<Product> && !ParameterMember<Product>);
static_assert(!ParameterMember<SampleNorm> && !DerivedMember<SampleNorm>);

static_assert(has_trainable<SampleTree>() && has_trainable<SampleNorm>());
static_assert(has_trainable<SampleLinear>());

namespace {

struct Frozen {
    Weight weight{};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", weight);
    }
};
struct FrozenPair {
    std::array<Frozen, 2> both{};
    Product product{};
    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("both", both);
        visitor("product", product);
    }
};
static_assert(!has_trainable<Frozen>() && !has_trainable<FrozenPair>());

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a walk goes depth first in the order that visit shows", "[arch]") {
    SampleTree tree;
    Names names;
    walk(tree, [&](const std::string& name, auto&) { names.push_back(name); });
    CHECK(names == Names{"", "table", "h.0", "h.0", "h.0.gain", "h.0.linear", "h.0.linear.weight", "h.0.linear.a",
                         "h.0.linear.product", "h.1", "h.1", "h.1.gain", "h.1.linear", "h.1.linear.weight",
                         "h.1.linear.a", "h.1.linear.product", "last", "last.gain"});
}

TEST_CASE("a walk without names meets the same nodes", "[arch]") {
    SampleTree tree;
    std::vector<const void*> named;
    std::vector<const void*> nameless;
    walk(tree, [&](const std::string&, auto& node) { named.push_back(&node); });
    walk_nodes(tree, [&](auto& node) { nameless.push_back(&node); });
    CHECK(nameless == named);
}

TEST_CASE("parameters and derived tensors are walked apart", "[arch]") {
    SampleTree tree;
    Names names;
    for_each_parameter(tree, [&](const std::string& name, auto&) { names.push_back(name); });
    CHECK(names == Names{"table", "h.0.gain", "h.0.linear.weight", "h.0.linear.a", "h.1.gain", "h.1.linear.weight",
                         "h.1.linear.a", "last.gain"});
    std::vector<const void*> derived;
    for_each_derived(tree, [&](auto& node) { derived.push_back(&node); });
    CHECK(derived == std::vector<const void*>{&tree.blocks[0].linear.product, &tree.blocks[1].linear.product});
}

TEST_CASE("a walk hands out the nodes themselves", "[arch]") {
    SampleTree tree;
    bf16 value{};
    for_each_parameter(tree, [&](const std::string& name, auto& parameter) {
        if constexpr (requires { parameter.values.data = &value; }) {
            if (name == "h.1.linear.weight") parameter.values.data = &value;
        }
    });
    CHECK(tree.blocks[1].linear.weight.values.data == &value);
    CHECK(tree.blocks[0].linear.weight.values.empty());
}
