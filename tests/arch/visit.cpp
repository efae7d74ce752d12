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

namespace {

struct One {
    template <class Node>
    static constexpr std::size_t of = LeafMember<Node> ? 1 : 0;
};

}  // namespace

// What holds of types is known without a walk; an array counts as often as it is long.
static_assert(contains<SampleTree, AnyDerived> && !contains<SampleNorm, AnyDerived>);
static_assert(contains<SampleTree, AnyLayer> && contains<std::array<SampleTree, 2>, AnyNode>);
static_assert(!contains<std::array<SampleTree, 0>, AnyNode>);
static_assert(sum_over<SampleTree, One> == 10 && sum_over<std::array<SampleTree, 3>, One> == 30);

TEST_CASE("a walk goes depth first in the order that visit shows", "[arch]") {
    SampleTree tree;
    Names names;
    for_each_named_node<AnyNode>(tree, [&](const std::string& name, auto&) { names.push_back(name); });
    CHECK(names == Names{"", "table", "h.0", "h.0", "h.0.gain", "h.0.linear", "h.0.linear.weight", "h.0.linear.a",
                         "h.0.linear.product", "h.1", "h.1", "h.1.gain", "h.1.linear", "h.1.linear.weight",
                         "h.1.linear.a", "h.1.linear.product", "last", "last.gain"});
}

TEST_CASE("a walk without names meets the same nodes", "[arch]") {
    SampleTree tree;
    std::vector<const void*> named;
    std::vector<const void*> nameless;
    for_each_named_node<AnyNode>(tree, [&](const std::string&, auto& node) { named.push_back(&node); });
    for_each_node<AnyNode>(tree, [&](auto& node) { nameless.push_back(&node); });
    CHECK(nameless == named);
}

TEST_CASE("parameters and derived tensors are walked apart", "[arch]") {
    SampleTree tree;
    Names names;
    for_each_parameter(tree, [&](const std::string& name, auto&) { names.push_back(name); });
    CHECK(names == Names{"table", "h.0.gain", "h.0.linear.weight", "h.0.linear.a", "h.1.gain", "h.1.linear.weight",
                         "h.1.linear.a", "last.gain"});
    std::vector<const void*> derived;
    for_each_node<AnyDerived>(tree, [&](auto& node) { derived.push_back(&node); });
    CHECK(derived == std::vector<const void*>{&tree.blocks[0].linear.product, &tree.blocks[1].linear.product});
}

TEST_CASE("a walk for layers goes past what is stored, and compiles nothing for it", "[arch]") {
    SampleTree tree;
    Names names;
    for_each_named_node<AnyLayer>(tree, [&](const std::string& name, auto& node) {
        static_assert(!LeafMember<std::remove_cvref_t<decltype(node)>>);
        names.push_back(name);
    });
    CHECK(names == Names{"", "h.0", "h.0", "h.0.linear", "h.1", "h.1", "h.1.linear", "last"});
}

TEST_CASE("a walk begins with the name that it is given", "[arch]") {
    SampleTree tree;
    Names names;
    for_each_named_node<AnyDerived>(
        tree, [&](const std::string& name, auto&) { names.push_back(name); }, "base");
    CHECK(names == Names{"base.h.0.linear.product", "base.h.1.linear.product"});
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
