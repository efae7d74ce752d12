// SPDX-License-Identifier: MIT
// A hand-written layer tree with everything that a walk may meet: parameters, a derived tensor, a group, a nameless
// part.
#pragma once

#include <array>
#include <cstddef>
#include <type_traits>

#include <lamina/arch/parameter.hpp>
#include <lamina/arch/role.hpp>
#include <lamina/core/bfloat16.hpp>

namespace lamina_tests {

/// Base in bf16, adapters in double; adapters and norms train.
struct SamplePolicies {
    using Gradient = float;
    template <lamina::Role R>
    using StoredAs = std::conditional_t<R == lamina::Role::adapter, double, lamina::bf16>;
    [[nodiscard]] static constexpr bool trains(lamina::Role role) {
        return role == lamina::Role::adapter || role == lamina::Role::norm;
    }
};

template <lamina::Role R, std::size_t... Dims>
using SampleParameter = lamina::Parameter<SamplePolicies, R, Dims...>;

struct SampleNorm {
    SampleParameter<lamina::Role::norm, 5> gain{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("gain", gain);
    }
};

struct SampleLinear {
    SampleParameter<lamina::Role::weight, 3, 5> weight{};
    SampleParameter<lamina::Role::adapter, 3, 2> a{};
    lamina::Derived<float, lamina::DerivedKind::materialised, 3, 5> product{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", weight);
        visitor("a", a);
        visitor("product", product);
    }
};

struct SampleBlock {
    SampleNorm norm{};
    SampleLinear linear{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("", norm);
        visitor("linear", linear);
    }
};

struct SampleTree {
    SampleParameter<lamina::Role::embedding, 7, 5> table{};
    std::array<SampleBlock, 2> blocks{};
    SampleNorm last{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("table", table);
        visitor("h", blocks);
        visitor("last", last);
    }
};

}  // namespace lamina_tests
