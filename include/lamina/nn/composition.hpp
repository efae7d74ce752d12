// SPDX-License-Identifier: MIT
// Composition: Named, Sequential, Parallel and Residual, which make a layer out of layers.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/fixed_string.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/pass.hpp>

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

inline constexpr std::array<std::string_view, 8> index_names{"0", "1", "2", "3", "4", "5", "6", "7"};

}  // namespace detail

template <class First, class Second>
concept WidthsMeet = First::out == Second::in;

template <class First, class Second>
concept ScalarsMeet = std::same_as<OutScalarOf<First>, InScalarOf<Second>>;

/// One layer after another: y = last(… second(first(x))).
///
/// names    members that are not Named are called "0", "1", … by their place
/// saves    what each member saves, and every intermediate activation
template <class First, class... Rest>
class Sequential;

/// The last of a sequence stands alone.
template <class Only>
class Sequential<Only> : public Only {};

template <class First, class... Rest>
class Sequential {
    static constexpr std::size_t count = 1 + sizeof...(Rest);
    static_assert(count <= detail::index_names.size(),
                  "lamina: Sequential: at most 8 layers; nest one Sequential in another");
    using Members = std::tuple<First, Rest...>;
    template <std::size_t Index>
    using Member = std::tuple_element_t<Index, Members>;

    template <std::size_t... Index>
    static constexpr bool widths_meet(std::index_sequence<Index...>) {
        return (... && WidthsMeet<Member<Index>, Member<Index + 1>>);
    }
    static_assert(
        widths_meet(std::make_index_sequence<count - 1>{}),
        "lamina: Sequential: the output width of a layer is not the input width of the next; change one of them");
    template <std::size_t... Index>
    static constexpr bool scalars_meet(std::index_sequence<Index...>) {
        return (... && ScalarsMeet<Member<Index>, Member<Index + 1>>);
    }
    static_assert(
        scalars_meet(std::make_index_sequence<count - 1>{}),
        "lamina: Sequential: a layer writes another scalar type than the next one reads; only norms may, from "
        "the stream to activations");

    template <std::size_t Index>
    using Input = Tokens<const InScalarOf<Member<Index>>, Member<Index>::in>;
    template <std::size_t Index>
    using Output = Tokens<OutScalarOf<Member<Index>>, Member<Index>::out>;
    using Last = Member<count - 1>;
    template <std::size_t Index>
    using InputGradient = Tokens<InScalarOf<Member<Index>>, Member<Index>::in>;

public:
    using InScalar = InScalarOf<First>;
    using OutScalar = OutScalarOf<Member<count - 1>>;
    using Scalar = OutScalar;
    static constexpr std::size_t in = First::in;
    static constexpr std::size_t out = Member<count - 1>::out;
    static constexpr bool token_wise = true;

    struct Saved {
        std::tuple<typename First::Saved, typename Rest::Saved...> members;
        // The last one stays empty.
        std::tuple<Tokens<OutScalarOf<First>, First::out>, Tokens<OutScalarOf<Rest>, Rest::out>...> outputs;

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

    template <class B>
    void forward(Pass<B>& pass, Tokens<const InScalar, in> x, Tokens<OutScalar, out> y, Saved& saved) {
        forward_from<0>(pass, x, saved, [&](Last& last, Input<count - 1> input, typename Last::Saved& last_saved) {
            last.forward(pass, input, y, last_saved);
        });
    }

    template <class B, class Sum>
    requires WritesOnto<Member<count - 1>, Sum>
    void forward_onto(Pass<B>& pass, Tokens<const InScalar, in> x, Tokens<const Sum, out> base, Tokens<Sum, out> y,
                      Saved& saved) {
        forward_from<0>(pass, x, saved, [&](Last& last, Input<count - 1> input, typename Last::Saved& last_saved) {
            last.forward_onto(pass, input, base, y, last_saved);
        });
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const InScalar, in> x, const Saved& saved, Tokens<const OutScalar, out> d_y,
                  Tokens<InScalar, in> d_x) {
        backward_from<count - 1>(pass, x, saved, d_y, d_x);
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        return scratch_of(extent, std::make_index_sequence<count>{});
    }
    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient) {
        return flops_from(extent, input_gradient, std::make_index_sequence<count>{});
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

    /// The members from Index on; what the last one does is `finish`.
    template <std::size_t Index, class B, class Finish>
    void forward_from(Pass<B>& pass, Input<Index> x, Saved& saved, const Finish& finish) {
        auto& member = std::get<Index>(members_);
        if constexpr (Index + 1 == count) {
            finish(member, x, std::get<Index>(saved.members));
        } else {
            const Output<Index> middle = std::get<Index>(saved.outputs);  // [N, Member<Index>::out]
            member.forward(pass, x, middle, std::get<Index>(saved.members));
            forward_from<Index + 1>(pass, Input<Index + 1>(middle), saved, finish);
        }
    }

    template <std::size_t Index, class B>
    void backward_from(Pass<B>& pass, Tokens<const InScalar, in> x, const Saved& saved,
                       Tokens<const OutScalarOf<Member<Index>>, Member<Index>::out> d_y, Tokens<InScalar, in> d_x) {
        if constexpr (Index == 0) {
            std::get<0>(members_).backward(pass, x, std::get<0>(saved.members), d_y, d_x);
        } else {
            const Input<Index> input = std::get<Index - 1>(saved.outputs);
            typename ScratchStack::Frame frame(pass.scratch);
            InputGradient<Index> d_input;
            if (trains_before<Index>() || !d_x.empty()) {
                d_input = frame.template take<InScalarOf<Member<Index>>, Member<Index>::in>(x.count());
            }
            std::get<Index>(members_).backward(pass, input, std::get<Index>(saved.members), d_y, d_input);
            if (!d_input.empty()) backward_from<Index - 1>(pass, x, saved, d_input, d_x);
        }
    }

    template <std::size_t... Index>
    static constexpr std::size_t scratch_of(Extent extent, std::index_sequence<Index...>) {
        // Frames nest: while member Index runs backward, the gradients between the members above it are still held.
        std::size_t held = 0;
        std::size_t peak = 0;
        const auto add = [&](std::size_t own, std::size_t gradient) {
            held += gradient;
            peak = std::max(peak, held + own);
        };
        (add(scratch_bytes_of<Member<count - 1 - Index>>(extent),
             Index + 1 == count
                 ? 0
                 : scratch_bytes_for<InScalarOf<Member<count - 1 - Index>>, Member<count - 1 - Index>::in>(
                       extent.tokens())),
         ...);
        return peak;
    }

    template <std::size_t... Index>
    static constexpr Flops flops_from(Extent extent, bool input_gradient, std::index_sequence<Index...>) {
        Flops sum{};
        ((sum = sum + flops_of<Member<Index>>(extent, input_gradient || trains_before<Index>())), ...);
        return sum;
    }

    Members members_{};
};

/// y = x + inner(x), in the type of x whatever inner writes.
///
/// names    transparent: the inner layer's own name is used
/// saves    what the inner layer saves
template <class Inner>
class Residual {
    static_assert(WidthsMeet<Inner, Inner>,
                  "lamina: Residual: the inner layer must keep the width; give it equal input and output widths");
    using Branch = OutScalarOf<Inner>;

public:
    using Scalar = InScalarOf<Inner>;
    using Saved = typename Inner::Saved;
    static constexpr std::size_t in = Inner::in;
    static constexpr std::size_t out = Inner::out;
    static constexpr bool token_wise = true;

    Inner inner{};

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor(detail::name_or<Inner>(""), inner);
    }

    template <class B>
    void forward(Pass<B>& pass, Tokens<const Scalar, in> x, Tokens<Scalar, out> y, Saved& saved) {
        if constexpr (WritesOnto<Inner, Scalar>) {
            inner.forward_onto(pass, x, x, y, saved);
        } else if constexpr (one_type) {
            inner.forward(pass, x, y, saved);
            const Tokens<const Scalar, out> branch = y;
            pass.backend.map(y.matrix(), detail::Add{}, branch.matrix(), x.matrix());
        } else {
            typename ScratchStack::Frame frame(pass.scratch);
            const auto branch = frame.template take<Branch, out>(x.count());
            inner.forward(pass, x, branch, saved);
            pass.backend.map(y.matrix(), detail::Add{}, Tokens<const Branch, out>(branch).matrix(), x.matrix());
        }
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const Scalar, in> x, const Saved& saved, Tokens<const Scalar, out> d_y,
                  Tokens<Scalar, in> d_x) {
        if constexpr (one_type) {
            backward_branch(pass, x, saved, d_y, d_y, d_x);
        } else {
            typename ScratchStack::Frame frame(pass.scratch);
            const auto d_branch = frame.template take<Branch, out>(x.count());
            pass.backend.convert(d_branch.matrix(), d_y.matrix());
            backward_branch(pass, x, saved, d_y, Tokens<const Branch, out>(d_branch), d_x);
        }
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        return scratch_bytes_of<Inner>(extent) + (one_type ? 0 : scratch_bytes_for<Branch, out>(extent.tokens()));
    }
    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient) {
        return flops_of<Inner>(extent, input_gradient);
    }

private:
    static constexpr bool one_type = std::is_same_v<Scalar, Branch>;

    /// d_x = d_y + what passes through the branch.
    template <class B>
    void backward_branch(Pass<B>& pass, Tokens<const Scalar, in> x, const Saved& saved, Tokens<const Scalar, out> d_y,
                         Tokens<const Branch, out> d_branch, Tokens<Scalar, in> d_x) {
        if constexpr (PassesGradientOnto<Inner>) {
            inner.backward_onto(pass, x, saved, d_branch, d_y, d_x);
        } else {
            inner.backward(pass, x, saved, d_branch, d_x);
            if (d_x.empty()) return;
            const Tokens<const Scalar, in> branch = d_x;
            pass.backend.map(d_x.matrix(), detail::Add{}, branch.matrix(), d_y.matrix());
        }
    }
};

/// y = left(x) + right(x): attention and MLP side by side, as in GPT-J and PaLM.
///
/// names    members that are not Named are called "0" and "1"
template <class Left, class Right>
class Parallel {
    static_assert(Left::in == Right::in && Left::out == Right::out,
                  "lamina: Parallel: both layers need the same input and output widths; change one of them");
    static_assert(std::same_as<InScalarOf<Left>, InScalarOf<Right>> &&
                      std::same_as<OutScalarOf<Left>, OutScalarOf<Right>>,
                  "lamina: Parallel: both layers need the same scalar types; give them the same policies");

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
    void forward(Pass<B>& pass, Tokens<const InScalar, in> x, Tokens<OutScalar, out> y, Saved& saved) {
        left.forward(pass, x, y, saved.left);
        typename ScratchStack::Frame frame(pass.scratch);
        const auto other = frame.template take<OutScalar, out>(x.count());  // [N, out]
        right.forward(pass, x, other, saved.right);
        add(pass, y.matrix(), other.matrix());
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const InScalar, in> x, const Saved& saved, Tokens<const OutScalar, out> d_y,
                  Tokens<InScalar, in> d_x) {
        left.backward(pass, x, saved.left, d_y, d_x);
        typename ScratchStack::Frame frame(pass.scratch);
        Tokens<InScalar, in> other;  // [N, in]
        if (!d_x.empty()) other = frame.template take<InScalar, in>(x.count());
        right.backward(pass, x, saved.right, d_y, other);
        if (!d_x.empty()) add(pass, d_x.matrix(), other.matrix());
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        return std::max(scratch_bytes_for<InScalar, in>(extent.tokens()),
                        scratch_bytes_for<OutScalar, out>(extent.tokens())) +
               std::max(scratch_bytes_of<Left>(extent), scratch_bytes_of<Right>(extent));
    }
    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient) {
        return flops_of<Left>(extent, input_gradient) + flops_of<Right>(extent, input_gradient);
    }

private:
    template <class B, class Sum>
    static void add(Pass<B>& pass, MatrixView<Sum> sum, MatrixView<const std::type_identity_t<Sum>> term) {
        pass.backend.map(sum, detail::Add{}, MatrixView<const Sum>(sum), term);
    }
};

}  // namespace lamina
