// SPDX-License-Identifier: MIT
// Composition: Named, Sequential, Parallel and Residual, which make a layer out of layers.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/fixed_string.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/told.hpp>
#include <lamina/nn/composition_rules.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

/// `L` under a name: its parameters are called `Name.…` in manifests and files.
template <FixedString Name, class L>
struct Named : L {
    using L::L;
    static constexpr std::string_view name = Name.view();
};

namespace detail {

template <class L>
[[nodiscard]] constexpr std::string_view name_or(std::string_view otherwise) {
    if constexpr (requires { L::name; }) {
        return L::name;
    } else {
        return otherwise;
    }
}

inline constexpr std::array<std::string_view, longest_sequence> index_names{"0", "1", "2", "3", "4", "5", "6", "7"};

}  // namespace detail

/// One layer after another: y = last(… second(first(x))).
///
/// names    members that are not Named are called "0", "1", … by their place
/// saves    what each member saves, and every intermediate activation
template <class First, class... Rest>
class Sequential;

/// The last of a sequence stands alone.
template <Layer Only>
class Sequential<Only> : public Only {};

template <class First, class... Rest>
requires detail::NoSequence<First, Rest...>
class Sequential<First, Rest...>
    : public detail::StandInLayer<First, detail::MemberOrLast<sizeof...(Rest), First, Rest...>,
                                  detail::told(detail::mistake<detail::SequenceError<First, Rest...>>)> {
};

template <class First, class... Rest>
class Sequential {
    static constexpr std::size_t count = 1 + sizeof...(Rest);
    using Members = std::tuple<First, Rest...>;
    template <std::size_t Index>
    using Member = std::tuple_element_t<Index, Members>;

    template <std::size_t Index>
    using Input = Rows<const InScalarOf<Member<Index>>, Member<Index>::in>;
    template <std::size_t Index>
    using Output = Rows<OutScalarOf<Member<Index>>, Member<Index>::out>;
    using Last = Member<count - 1>;
    template <std::size_t Index>
    using InputGradient = Rows<InScalarOf<Member<Index>>, Member<Index>::in>;

public:
    using InScalar = InScalarOf<First>;
    using OutScalar = OutScalarOf<Member<count - 1>>;
    using Scalar = OutScalar;
    static constexpr std::size_t in = First::in;
    static constexpr std::size_t out = Member<count - 1>::out;
    static constexpr bool token_wise = true;
    static constexpr bool rounds_gradient = (RoundsGradient<First> && ... && RoundsGradient<Rest>);

    struct Saved {
        std::tuple<typename First::Saved, typename Rest::Saved...> members;
        // The last one stays empty.
        std::tuple<Rows<OutScalarOf<First>, First::out>, Rows<OutScalarOf<Rest>, Rest::out>...> outputs;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visit_each(visitor, std::make_index_sequence<count>{});
        }

    private:
        template <class Visitor, std::size_t... Index>
        constexpr void visit_each(Visitor& visitor, std::index_sequence<Index...>) {
            (visitor(std::get<Index>(members)), ...);
            visit_outputs(visitor, std::make_index_sequence<count - 1>{});
        }
        template <class Visitor, std::size_t... Index>
        constexpr void visit_outputs(Visitor& visitor, std::index_sequence<Index...>) {
            (visitor(std::get<Index>(outputs)), ...);
        }
    };

    /// Member `Index`, to reach its parameters.
    template <std::size_t Index>
    [[nodiscard]] constexpr Member<Index>& get() {
        return std::get<Index>(members_);
    }

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visit_members(visitor, std::make_index_sequence<count>{});
    }

    template <class B, class Sum>
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, in> x, Into<Sum, out> y, Saved& saved) {
        forward_from<0>(pass, x, y, saved);
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, in> x, const Saved& saved,
                            Rows<const OutScalar, out> d_y, Into<InScalar, in> d_x) {
        backward_from<count - 1>(pass, x, saved, d_y, d_x);
    }
    template <class B>
    requires rounds_gradient constexpr void backward(Pass<B>& pass, Rows<const InScalar, in> x, const Saved& saved,
                                                     StreamGradient<const OutScalar, out> d_y,
                                                     StreamGradient<InScalar, in> d_x) {
        rounding_backward_from<count - 1>(pass, x, saved, d_y, d_x);
    }

private:
    template <class Visitor, std::size_t... Index>
    constexpr void visit_members(Visitor& visitor, std::index_sequence<Index...>) {
        (visitor(detail::name_or<Member<Index>>(detail::index_names[Index]), std::get<Index>(members_)), ...);
    }

    /// Whether member Index or anything before it trains, or the input's gradient is wanted anyway.
    template <std::size_t Index>
    static constexpr bool trains_before() {
        return []<std::size_t... Before>(std::index_sequence<Before...>) {
            return (false || ... || has_trainable<Member<Before>>());
        }
        (std::make_index_sequence<Index>{});
    }

    /// The members from Index on.
    template <std::size_t Index, class B, class Sum>
    constexpr void forward_from(Pass<B>& pass, Input<Index> x, Into<Sum, out> y, Saved& saved) {
        auto& member = std::get<Index>(members_);
        if constexpr (Index + 1 == count) {
            forward_into(member, pass, x, y, std::get<Index>(saved.members));
        } else {
            const auto middle = std::get<Index>(saved.outputs);  // [N, Member<Index>::out]
            forward_into(member, pass, x, Into(middle), std::get<Index>(saved.members));
            forward_from<Index + 1>(pass, middle, y, saved);
        }
    }

    template <std::size_t Index, class B>
    constexpr void backward_from(Pass<B>& pass, Rows<const InScalar, in> x, const Saved& saved,
                                 Rows<const OutScalarOf<Member<Index>>, Member<Index>::out> d_y,
                                 Into<InScalar, in> d_x) {
        auto& member = std::get<Index>(members_);
        if constexpr (Index == 0) {
            backward_into(member, pass, x, std::get<0>(saved.members), d_y, d_x);
        } else {
            const Input<Index> input = std::get<Index - 1>(saved.outputs);
            typename ScratchStack::Frame frame(pass.scratch);
            InputGradient<Index> d_input;
            if (trains_before<Index>() || !d_x.empty()) {
                d_input = frame.template take<InScalarOf<Member<Index>>, Member<Index>::in>(x.rows);
            }
            backward_into(member, pass, input, std::get<Index>(saved.members), d_y, Into(d_input));
            if (!d_input.empty()) backward_from<Index - 1>(pass, x, saved, d_input, d_x);
        }
    }

    /// The same where every member reads and leaves gradients in both types.
    template <std::size_t Index, class B>
    constexpr void rounding_backward_from(Pass<B>& pass, Rows<const InScalar, in> x, const Saved& saved,
                                          StreamGradient<const OutScalarOf<Member<Index>>, Member<Index>::out> d_y,
                                          StreamGradient<InScalar, in> d_x) {
        auto& member = std::get<Index>(members_);
        if constexpr (Index == 0) {
            member.backward(pass, x, std::get<0>(saved.members), d_y, d_x);
        } else {
            const Input<Index> input = std::get<Index - 1>(saved.outputs);
            typename ScratchStack::Frame frame(pass.scratch);
            StreamGradient<InScalarOf<Member<Index>>, Member<Index>::in> d_input;
            if (trains_before<Index>() || !d_x.d.empty()) {
                d_input.d = frame.template take<InScalarOf<Member<Index>>, Member<Index>::in>(x.rows);
                d_input.rounded = frame.template take<bf16, Member<Index>::in>(x.rows);
            }
            member.backward(pass, input, std::get<Index>(saved.members), d_y, d_input);
            if (!d_input.d.empty()) rounding_backward_from<Index - 1>(pass, x, saved, d_input.read_only(), d_x);
        }
    }

    Members members_{};
};

/// y = x + inner(x), in the type of x whatever inner writes.
///
/// names    transparent: the inner layer's own name is used
/// saves    what the inner layer saves
template <class Inner>
class Residual {
    using Branch = OutScalarOf<Inner>;

public:
    using Scalar = InScalarOf<Inner>;
    using Saved = typename Inner::Saved;
    static constexpr std::size_t in = Inner::in;
    static constexpr std::size_t out = Inner::out;
    static constexpr bool token_wise = true;
    static constexpr bool rounds_gradient =
        RoundsInto<Inner> && std::is_same_v<Branch, bf16> && !std::is_same_v<Scalar, bf16>;

    Inner inner{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(detail::name_or<Inner>(""), inner);
    }

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, in> x, Rows<Scalar, out> y, Saved& saved) {
        forward_into(inner, pass, x, Into(y, x), saved);
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, in> x, const Saved& saved, Rows<const Scalar, out> d_y,
                            Rows<Scalar, in> d_x) {
        if constexpr (std::is_same_v<Scalar, Branch>) {
            backward_into(inner, pass, x, saved, d_y, Into(d_x, d_y));
        } else {
            typename ScratchStack::Frame frame(pass.scratch);
            const auto d_branch = frame.template take<Branch, out>(x.rows);
            pass.run(Convert(d_branch, d_y));
            backward_into(inner, pass, x, saved, d_branch, Into(d_x, d_y));
        }
    }
    template <class B>
    requires rounds_gradient constexpr void backward(Pass<B>& pass, Rows<const Scalar, in> x, const Saved& saved,
                                                     StreamGradient<const Scalar, out> d_y,
                                                     StreamGradient<Scalar, in> d_x) {
        backward_into(inner, pass, x, saved, d_y.rounded, Into(d_x.d, d_y.d, d_x.rounded));
    }
};

template <detail::NoResidual Inner>
class Residual<Inner>
    : public detail::StandInLayer<Inner, Inner, detail::told(detail::mistake<detail::ResidualError<Inner>>)> {};

/// y = left(x) + right(x): attention and MLP side by side, as in GPT-J and PaLM.
///
/// names    members that are not Named are called "0" and "1"
template <class Left, class Right>
class Parallel {
public:
    using InScalar = InScalarOf<Left>;
    using OutScalar = OutScalarOf<Left>;
    using Scalar = OutScalar;
    static constexpr std::size_t in = Left::in;
    static constexpr std::size_t out = Left::out;
    static constexpr bool token_wise = true;

    struct Saved {
        typename Left::Saved left;
        typename Right::Saved right;

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(left);
            visitor(right);
        }
    };

    Left left{};
    Right right{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(detail::name_or<Left>("0"), left);
        visitor(detail::name_or<Right>("1"), right);
    }

    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const InScalar, in> x, Rows<OutScalar, out> y, Saved& saved) {
        forward_into(left, pass, x, Into(y), saved.left);
        forward_into(right, pass, x, Into(y, y.read_only()), saved.right);
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const InScalar, in> x, const Saved& saved,
                            Rows<const OutScalar, out> d_y, Rows<InScalar, in> d_x) {
        backward_into(left, pass, x, saved.left, d_y, Into(d_x));
        typename ScratchStack::Frame frame(pass.scratch);
        Rows<InScalar, in> other;  // [N, in]
        if (!d_x.empty()) other = frame.template take<InScalar, in>(x.rows);
        backward_into(right, pass, x, saved.right, d_y, Into(other));
        if (!d_x.empty()) pass.run(Map(d_x, detail::Add{}, d_x, other));
    }
};

template <class Left, class Right>
requires detail::NoParallel<Left, Right>
class Parallel<Left, Right>
    : public detail::StandInLayer<Left, Right, detail::told(detail::mistake<detail::ParallelError<Left, Right>>)> {
};

}  // namespace lamina
