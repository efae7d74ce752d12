// SPDX-License-Identifier: MIT
// Linear: y = x·W + b, with the adapter that the policies ask for, applied the way they ask.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/parameter.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/core/square_root.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>

namespace lamina {

template <class Whole, std::size_t First, std::size_t Count>
class LinearColumns;

namespace detail {

/// How a product is formed.
struct MatmulForm {
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
    Write write = Write::overwrite;
};

/// The factors A and B of an adapter.
template <std::size_t In, std::size_t Out, class P>
struct AdapterFactors {
    using Adapter = typename P::Adapter;
    static constexpr std::size_t rank = Adapter::rank(In);
    static constexpr Initial start_of_a() {
        if constexpr (Adapter::identity_start) return {Initial::Kind::identity, 0};
        return Initial::uniform(1 / square_root(static_cast<double>(rank)));
    }

    LoraA<P, In, rank> a{start_of_a()};
    LoraB<P, rank, Out> b{};
};

struct NoFactors {};
struct NoDerived {};

/// What an execution that works once per step keeps: W + A·B or A·B and, where the layer trains, the gradient with
/// respect to it.
template <std::size_t In, std::size_t Out, class P, bool Trains>
struct OncePerStep {
    using Accumulator = Derived<typename P::Compute, DerivedKind::accumulator, In, Out>;

    Derived<typename P::Materialised, DerivedKind::materialised, In, Out> product{};
    [[no_unique_address]] std::conditional_t<Trains, Accumulator, NoDerived> d_product{};
};

}  // namespace detail

/// y = x·W + b + scale·(x·A)·B for every token, with the adapter and the execution of the policies.
///
/// shapes   x [N, In], W [In, Out] (Conv1D order), b [Out], A [In, R], B [R, Out] -> y [N, Out]
/// scalars  x, y, x·A: activation; W, b: base; A, B: adapter; what is materialised once per step: its own
/// writes   y overwritten; backward adds to the gradients of what trains, overwrites d_x
/// saves    x until backward, not copied; x·A with execution::Factored
/// cost     per token: Factored 2·In·Out + 2·R·(In + Out) forward, twice to thrice that backward;
///          Merged 2·In·Out forward, 4·In·Out backward, once per step 6·In·R·Out more, 10·In·R·Out with
///          gradients::Streamed, where the norm of the gradients and the update form them once each. No allocation.
/// source   docs/gpt2.md, "Forward pass"; docs/method.md, "Adapters"; docs/design.md, "Merged execution"
template <std::size_t In, std::size_t Out, class P>
class Linear {
    using Adapter = typename P::Adapter;
    using Execution = typename P::Execution;
    static constexpr bool adapted = Adapter::present;
    static constexpr bool once = adapted && Execution::once_per_step;
    static constexpr bool factored = adapted && !once;
    static constexpr bool merged = std::is_same_v<Execution, execution::Merged>;
    static constexpr bool adapter_trains = adapted && P::trains(Role::adapter);
    static constexpr bool weight_trains = P::trains(Role::weight);
    static constexpr bool trains = weight_trains || adapter_trains;
    static constexpr bool accumulates = once && trains;
    static constexpr bool streams = once && adapter_trains && P::Gradients::streamed;
    static constexpr double scale = [] {
        if constexpr (adapted) return Adapter::scale;
        return 1.0;
    }();
    static constexpr std::size_t rank = [] {
        if constexpr (adapted) return Adapter::rank(In);
        return std::size_t{1};
    }();

public:
    using Scalar = typename P::Activation;
    static constexpr std::size_t in = In;
    static constexpr std::size_t out = Out;
    static constexpr bool token_wise = true;
    static constexpr bool streams_adapter_gradients = streams;

    struct SavedFactor {
        Rows<Scalar, rank> scaled_xa;  ///< scale · x·A

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(scaled_xa);
        }
    };
    using Saved = std::conditional_t<factored, SavedFactor, NothingSaved>;

    Parameter<P, Role::weight, In, Out> weight{Initial::normal(0.02)};
    Bias<P, Role::weight, Out> bias{};
    [[no_unique_address]] std::conditional_t<adapted, detail::AdapterFactors<In, Out, P>, detail::NoFactors> adapter{};
    [[no_unique_address]] std::conditional_t<once, detail::OncePerStep<In, Out, P, trains>, detail::NoDerived>
        derived{};

    constexpr Linear() = default;
    constexpr explicit Linear(Initial start_of_weight) : weight(start_of_weight) {}

    template <class Visitor>
    constexpr void visit(Visitor&& visitor) {
        visitor("weight", weight);
        visitor("bias", bias);
        if constexpr (adapted) {
            visitor("lora_A", adapter.a);
            visitor("lora_B", adapter.b);
        }
        if constexpr (once) {
            visitor("materialised", derived.product);
            if constexpr (trains) visitor("d_materialised", derived.d_product);
        }
    }

    /// For y in any scalar; or, where the layer is followed by gelu, for both results (paths.hpp).
    template <class B, class Sum>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, In> x, Into<Sum, Out> y, Saved& saved) {
        multiply<0>(pass, x, Place<Sum, Out>{.y = y.y, .base = y.base}, saved);
    }
    template <class B>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, In> x, IntoGelu<Scalar, Out> y, Saved& saved) {
        multiply<0>(pass, x, Place<Scalar, Out>{.y = y.y, .pre_activation = y.pre_activation}, saved);
    }

    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, In> x, const Saved& saved, Rows<const Scalar, Out> d_y,
                            Rows<Scalar, In> d_x) {
        parameter_gradients<0>(pass, x, d_y);
        input_gradient<0>(pass, x, saved, d_y, ThroughGelu<Scalar, In>{{}, d_x});
    }
    /// The backward where x = gelu(pre_activation).
    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, In> x, const Saved& saved, Rows<const Scalar, Out> d_y,
                            ThroughGelu<Scalar, In> d_x) {
        parameter_gradients<0>(pass, x, d_y);
        input_gradient<0>(pass, x, saved, d_y, d_x);
    }

    /// The output features [First, First + Count) as a layer: for layers whose outputs read different inputs, queries
    /// and keys from one, values from another.
    template <std::size_t First, std::size_t Count>
    [[nodiscard]] constexpr LinearColumns<Linear, First, Count> columns() {
        return {*this};
    }

    /// Forms W + scale·A·B (Merged) or scale·A·B (Split). Called whenever parameters may have changed.
    template <class B>
    constexpr void materialise(B& backend) requires once {
        using Factor = typename decltype(adapter.a)::Scalar;
        using Request =
            AffineProduct<typename P::Materialised, Factor, Factor, typename P::Base, typename P::Base, rank, Out>;
        Request request{
            .out = derived.product.values, .lhs = adapter.a.values, .rhs = adapter.b.values, .scale = scale};
        if constexpr (merged) request.base = weight.values;
        backend.run(request);
    }

    /// The chain rule from the summed gradient G of the product to A, B and W: dA += G·Bᵀ, dB += Aᵀ·G, dW += G.
    /// Leaves G zero.
    template <class B>
    constexpr void complete_gradients(B& backend) requires(accumulates && !streams) {
        const auto g = derived.d_product.values;  // [In, Out]
        if constexpr (weight_trains) {
            backend.run(Map(weight.gradient, detail::AddScaled{1}, g, weight.gradient));
        }
        if constexpr (adapter_trains) {
            if constexpr (scale != 1) backend.run(Map(g, detail::Scale{scale}, g));
            add_adapter_gradients(backend, Write::accumulate);
        }
        backend.run(Fill(g, 0.0));
    }

    /// With gradients::Streamed, the part of it that is stored: dW = G.
    template <class B>
    constexpr void complete_gradients(B& backend) requires streams {
        if constexpr (weight_trains) backend.run(Convert(weight.gradient, derived.d_product.values));
    }

    /// dA = scale·G·Bᵀ and dB = scale·Aᵀ·G, overwritten. G stays, so that they can be formed again.
    template <class B>
    constexpr void form_adapter_gradients(B& backend) requires streams {
        add_adapter_gradients(backend, Write::overwrite);
        if constexpr (scale != 1) {
            backend.run(Map(adapter.a.gradient, detail::Scale{scale}, adapter.a.gradient));
            backend.run(Map(adapter.b.gradient, detail::Scale{scale}, adapter.b.gradient));
        }
    }

private:
    template <class, std::size_t, std::size_t>
    friend class LinearColumns;

    template <class OutView, class Lhs, class Rhs>
    using ProductOf = Matmul<typename OutView::value_type, typename Lhs::value_type, typename Rhs::value_type,
                             OutView::columns_of_type, Lhs::columns_of_type, Rhs::columns_of_type>;

    /// A product of views whose columns are known.
    template <class B, class OutView, class Lhs, class Rhs>
    static constexpr void multiply_matrices(B& backend, OutView to, Lhs lhs, Rhs rhs, detail::MatmulForm form) {
        backend.run(ProductOf<OutView, Lhs, Rhs>{
            .out = to, .lhs = lhs, .rhs = rhs, .lhs_as = form.lhs_as, .rhs_as = form.rhs_as, .write = form.write});
    }

    /// Where a product goes, and what joins it there.
    template <class Sum, std::size_t Count>
    struct Place {
        Rows<Sum, Count> y;
        Rows<const Sum, Count> base{};
        Rows<Sum, Count> pre_activation{};
    };

    template <std::size_t First, class B, class Sum, std::size_t Count>
    constexpr void multiply(Pass<B>& pass, Rows<const Scalar, In> x, Place<Sum, Count> target, Saved& saved) {
        // What the adapter adds comes first: where y rounds, only this small term is rounded once more.
        if constexpr (adapted && !merged) {
            add_adapter<First>(pass.backend, x, target, saved);
            target.base = target.y;
        }
        const auto add = [&](auto matrix) {
            pass.run(
                AffineProduct<Sum, Scalar, typename decltype(matrix)::value_type, typename P::Base, Sum, In, Count>{
                    .out = target.y,
                    .lhs = x,
                    .rhs = matrix,
                    .bias = bias.values.template columns<First, Count>(),
                    .base = target.base,
                    .pre_activation = target.pre_activation});
        };
        add(product_matrix<First, Count>());
    }

    /// What multiplies x: W + A·B where that is materialised, else W.
    template <std::size_t First, std::size_t Count>
    [[nodiscard]] constexpr auto product_matrix() const {
        if constexpr (once && merged) {
            return derived.product.values.template columns<First, Count>();
        } else {
            return weight.values.template columns<First, Count>();
        }
    }

    /// y = base + scale·(x·A)·B for some columns.
    template <std::size_t First, class B, class Sum, std::size_t Count>
    constexpr void add_adapter(B& backend, Rows<const Scalar, In> x, const Place<Sum, Count>& target, Saved& saved) {
        const auto add = [&](auto lhs, auto rhs) {
            using Factor = typename decltype(rhs)::value_type;
            backend.run(
                AffineProduct<Sum, Scalar, Factor, typename P::Base, Sum, decltype(lhs)::columns_of_type, Count>{
                    .out = target.y, .lhs = lhs, .rhs = rhs, .base = target.base});
        };
        if constexpr (once) {
            add(x, derived.product.values.template columns<First, Count>());
        } else {
            const Rows<Scalar, rank> xa = saved.scaled_xa;  // [N, R]
            using Factor = typename decltype(adapter.a)::Scalar;
            backend.run(AffineProduct<Scalar, Scalar, Factor, typename P::Base, Scalar, In, rank>{
                .out = xa, .lhs = x, .rhs = adapter.a.values, .scale = scale});
            add(xa.read_only(), adapter.b.values.template columns<First, Count>());
        }
    }

    /// Adds to the gradients of what trains, but for those of factors, which need x·A.
    template <std::size_t First, class B, std::size_t Count>
    constexpr void parameter_gradients(Pass<B>& pass, Rows<const Scalar, In> x, Rows<const Scalar, Count> d_y) {
        const auto add_product = [&](auto d_matrix) {
            multiply_matrices(pass.backend, d_matrix.template columns<First, Count>(), x, d_y,
                              {.lhs_as = Transpose::yes, .write = Write::accumulate});
        };
        if constexpr (weight_trains) {
            pass.run(
                SumRows(bias.gradient.template columns<First, Count>(), Write::accumulate, detail::Identity{}, d_y));
        }
        if constexpr (accumulates) {
            add_product(derived.d_product.values);
        } else if constexpr (weight_trains) {
            add_product(weight.gradient);
        }
    }

    /// Overwrites d_x with the gradient of x, or of what x is the gelu of; the adapter's small part comes first.
    template <std::size_t First, class B, std::size_t Count>
    constexpr void input_gradient(Pass<B>& pass, Rows<const Scalar, In> x, const Saved& saved,
                                  Rows<const Scalar, Count> d_y, ThroughGelu<Scalar, In> through) {
        const Rows<Scalar, In> d_x = through.d_pre_activation;
        if constexpr (factored) backward_factors<First>(pass, x, saved, d_y, d_x);
        if (d_x.empty()) return;
        if constexpr (once && !merged) {
            multiply_matrices(pass.backend, d_x, d_y, derived.product.values.template columns<First, Count>(),
                              {.rhs_as = Transpose::yes});
        }
        constexpr Write write = adapted && !merged ? Write::accumulate : Write::overwrite;
        const auto matrix = product_matrix<First, Count>();
        if (through.pre_activation.empty()) {
            multiply_matrices(pass.backend, d_x, d_y, matrix, {.rhs_as = Transpose::yes, .write = write});
        } else {
            using Element = typename decltype(matrix)::value_type;
            pass.run(GeluBackwardProduct<Scalar, Scalar, Element, In, Count>{
                .out = d_x, .lhs = d_y, .rhs = matrix, .pre_activation = through.pre_activation, .write = write});
        }
    }

    /// Adds to the gradients of A and B, and overwrites d_x with what passes through them.
    template <std::size_t First, class B, std::size_t Count>
    constexpr void backward_factors(Pass<B>& pass, Rows<const Scalar, In> x, const Saved& saved,
                                    Rows<const Scalar, Count> d_y, Rows<Scalar, In> d_x) {
        B& backend = pass.backend;
        const auto b_columns = adapter.b.values.template columns<First, Count>();  // [R, Count]
        if constexpr (adapter_trains) {
            multiply_matrices(backend, adapter.b.gradient.template columns<First, Count>(), saved.scaled_xa, d_y,
                              {.lhs_as = Transpose::yes, .write = Write::accumulate});
        }
        if (!adapter_trains && d_x.empty()) return;
        typename ScratchStack::Frame frame(pass.scratch);
        const auto d_xa = frame.template take<Scalar, rank>(x.rows);  // [N, R]
        multiply_matrices(backend, d_xa, d_y, b_columns, {.rhs_as = Transpose::yes});
        if constexpr (scale != 1) backend.run(Map(d_xa, detail::Scale{scale}, d_xa));
        if constexpr (adapter_trains) {
            multiply_matrices(backend, adapter.a.gradient, x, d_xa,
                              {.lhs_as = Transpose::yes, .write = Write::accumulate});
        }
        if (!d_x.empty()) multiply_matrices(backend, d_x, d_xa, adapter.a.values, {.rhs_as = Transpose::yes});
    }

    /// dA (+)= G·Bᵀ, dB (+)= Aᵀ·G.
    template <class B>
    constexpr void add_adapter_gradients(B& backend, Write write) {
        const auto g = derived.d_product.values;  // [In, Out]
        multiply_matrices(backend, adapter.a.gradient, g, adapter.b.values, {.rhs_as = Transpose::yes, .write = write});
        multiply_matrices(backend, adapter.b.gradient, adapter.a.values, g, {.lhs_as = Transpose::yes, .write = write});
    }
};

/// Some output features of a linear layer, which is to outlive it.
template <class Whole, std::size_t First, std::size_t Count>
class LinearColumns {
public:
    using Scalar = typename Whole::Scalar;
    using Saved = typename Whole::Saved;
    static constexpr std::size_t in = Whole::in;
    static constexpr std::size_t out = Count;

    // NOLINTNEXTLINE(google-explicit-constructor)
    constexpr LinearColumns(Whole& whole) : whole_(whole) {}

    template <class B, class Sum>
    constexpr void forward(Pass<B>& pass, Rows<const Scalar, in> x, Into<Sum, Count> y, Saved& saved) {
        using Here = typename Whole::template Place<Sum, Count>;
        whole_.template multiply<First>(pass, x, Here{.y = y.y, .base = y.base}, saved);
    }
    template <class B>
    constexpr void backward(Pass<B>& pass, Rows<const Scalar, in> x, const Saved& saved, Rows<const Scalar, Count> d_y,
                            Rows<Scalar, in> d_x) {
        whole_.template parameter_gradients<First>(pass, x, d_y);
        whole_.template input_gradient<First>(pass, x, saved, d_y, ThroughGelu<Scalar, in>{{}, d_x});
    }

private:
    Whole& whole_;
};

/// A linear layer whose output is added to the residual stream, so it starts smaller in deep models (docs/gpt2.md,
/// "Initial values").
template <std::size_t In, std::size_t Out, class P>
struct ResidualLinear : Linear<In, Out, P> {
    constexpr ResidualLinear() : Linear<In, Out, P>(Initial::residual_projection(0.02)) {}
};

}  // namespace lamina
