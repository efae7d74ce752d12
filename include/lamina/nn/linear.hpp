// SPDX-License-Identifier: MIT
// Linear: y = x·W + b, with the adapter that the policies ask for, applied the way they ask.
#pragma once

#include <cstddef>
#include <type_traits>

#include <lamina/arch/adapter.hpp>
#include <lamina/arch/parameter.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/tokens.hpp>
#include <lamina/nn/detail/functors.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/pass.hpp>

namespace lamina {

/// A range of output features of a linear layer.
struct Columns {
    std::size_t first;
    std::size_t count;
};

namespace detail {

/// The factors A and B of an adapter.
template <std::size_t In, std::size_t Out, class P>
struct AdapterFactors {
    using Adapter = typename P::Adapter;
    static constexpr std::size_t rank = Adapter::rank(In);
    static constexpr Initial start_of_a() {
        if constexpr (Adapter::identity_start) return {Initial::Kind::identity, 0};
        // 1 / sqrt(rank) by Newton's iteration, as std::sqrt is no constant expression.
        double root = static_cast<double>(rank);
        for (int i = 0; i < 64; ++i) root = 0.5 * (root + static_cast<double>(rank) / root);
        return Initial::uniform(1 / root);
    }

    Parameter<P, Role::adapter, In, rank> a{start_of_a()};
    Parameter<P, Role::adapter, rank, Out> b{};
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
/// source   reference 2.3, 5.6; design, 'Exact merged execution'
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
    static constexpr Columns all_columns{0, Out};

    struct SavedFactor {
        Tokens<Scalar, rank> scaled_xa;  ///< scale · x·A

        template <class Visitor>
        constexpr void visit(Visitor&& visitor) {
            visitor(scaled_xa);
        }
    };
    using Saved = std::conditional_t<factored, SavedFactor, NothingSaved>;

    Parameter<P, Role::weight, In, Out> weight{Initial::normal(0.02)};
    Parameter<P, Role::weight, Out> bias{};
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

    template <class B>
    void forward(Pass<B>& pass, Tokens<const Scalar, In> x, Tokens<Scalar, Out> y, Saved& saved) {
        forward_columns(pass, x, y.matrix(), all_columns, saved);
    }

    /// y = base + forward(x), for y and base in any scalar.
    template <class B, class Sum>
    void forward_onto(Pass<B>& pass, Tokens<const Scalar, In> x, Tokens<const Sum, Out> base, Tokens<Sum, Out> y,
                      Saved& saved) {
        multiply(pass, x, Target<Sum>{.y = y.matrix(), .base = base.matrix()}, all_columns, saved);
    }

    /// pre_activation = forward(x), y = gelu(pre_activation).
    template <class B>
    void forward_gelu(Pass<B>& pass, Tokens<const Scalar, In> x, Tokens<Scalar, Out> pre_activation,
                      Tokens<Scalar, Out> y, Saved& saved) {
        multiply(pass, x, Target<Scalar>{.y = y.matrix(), .pre_activation = pre_activation.matrix()}, all_columns,
                 saved);
    }

    template <class B>
    void backward(Pass<B>& pass, Tokens<const Scalar, In> x, const Saved& saved, Tokens<const Scalar, Out> d_y,
                  Tokens<Scalar, In> d_x) {
        backward_columns(pass, x, saved, d_y.matrix(), d_x, all_columns);
    }

    /// The backward where x = gelu(pre_activation): d_pre_activation [N, In] in the place of d_x.
    template <class B>
    void backward_gelu(Pass<B>& pass, Tokens<const Scalar, In> x, const Saved& saved, Tokens<const Scalar, Out> d_y,
                       Tokens<const Scalar, In> pre_activation, Tokens<Scalar, In> d_pre_activation) {
        parameter_gradients(pass, x, d_y.matrix(), all_columns);
        input_gradient(pass, x, saved, d_y.matrix(), d_pre_activation, all_columns, pre_activation);
    }

    /// Computes a range of output features only; `y` [N, columns.count] may be a slice of a wider matrix. Layers whose
    /// outputs read different inputs use this: queries and keys from one, values from another.
    template <class B>
    void forward_columns(Pass<B>& pass, Tokens<const Scalar, In> x, MatrixView<Scalar> y, Columns columns,
                         Saved& saved) {
        multiply(pass, x, Target<Scalar>{.y = y}, columns, saved);
    }

    /// The backward of `forward_columns`; overwrites d_x.
    template <class B>
    void backward_columns(Pass<B>& pass, Tokens<const Scalar, In> x, const Saved& saved, MatrixView<const Scalar> d_y,
                          Tokens<Scalar, In> d_x, Columns columns) {
        parameter_gradients(pass, x, d_y, columns);
        input_gradient(pass, x, saved, d_y, d_x, columns, {});
    }

    /// Forms W + scale·A·B (Merged) or scale·A·B (Split). Called whenever parameters may have changed.
    template <class B>
    void materialise(B& backend) requires once {
        using Factor = typename decltype(adapter.a)::Scalar;
        using Request = AffineProduct<typename P::Materialised, Factor, Factor, typename P::Base, typename P::Base>;
        Request request{
            .out = derived.product.writable(), .lhs = adapter.a.matrix(), .rhs = adapter.b.matrix(), .scale = scale};
        if constexpr (merged) request.base = weight.matrix();
        backend.affine_product(request);
    }

    /// The chain rule from the summed gradient G of the product to A, B and W: dA += G·Bᵀ, dB += Aᵀ·G, dW += G.
    /// Leaves G zero.
    template <class B>
    void complete_gradients(B& backend) requires(accumulates && !streams) {
        const auto g = derived.d_product.writable();  // [In, Out]
        if constexpr (weight_trains) {
            backend.map(weight.d_matrix(), detail::AddScaled{1}, derived.d_product.matrix(),
                        as_const(weight.d_matrix()));
        }
        if constexpr (adapter_trains) {
            if constexpr (scale != 1) backend.map(g, detail::Scale{scale}, derived.d_product.matrix());
            backend.matmul(adapter.a.d_matrix(), derived.d_product.matrix(), adapter.b.matrix(),
                           {.rhs_as = Transpose::yes, .write = Write::accumulate});
            backend.matmul(adapter.b.d_matrix(), adapter.a.matrix(), derived.d_product.matrix(),
                           {.lhs_as = Transpose::yes, .write = Write::accumulate});
        }
        backend.fill(g, 0.0);
    }

    /// With gradients::Streamed, the part of it that is stored: dW = G.
    template <class B>
    void complete_gradients(B& backend) requires streams {
        if constexpr (weight_trains) backend.convert(weight.d_matrix(), derived.d_product.matrix());
    }

    /// dA = scale·G·Bᵀ and dB = scale·Aᵀ·G, overwritten. G stays, so that they can be formed again.
    template <class B>
    void form_adapter_gradients(B& backend) requires streams {
        backend.matmul(adapter.a.d_matrix(), derived.d_product.matrix(), adapter.b.matrix(),
                       {.rhs_as = Transpose::yes});
        backend.matmul(adapter.b.d_matrix(), adapter.a.matrix(), derived.d_product.matrix(),
                       {.lhs_as = Transpose::yes});
        if constexpr (scale != 1) {
            for (const auto gradient : {adapter.a.d_matrix(), adapter.b.d_matrix()}) {
                backend.map(gradient, detail::Scale{scale}, as_const(gradient));
            }
        }
    }

    [[nodiscard]] static constexpr std::size_t scratch_bytes(Extent extent) {
        return factored ? scratch_bytes_for<Scalar, rank>(extent.tokens()) : 0;
    }

    [[nodiscard]] static constexpr Flops flops(Extent extent, bool input_gradient_wanted) {
        const double n = static_cast<double>(extent.tokens());
        const double base = 2.0 * In * Out;
        const double low = 2.0 * In * rank;
        const double high = 2.0 * rank * Out;
        const double wanted = input_gradient_wanted ? 1 : 0;
        if (factored) {
            return {n * (base + low + high),
                    n * (wanted * (base + low) + high + (adapter_trains ? low + high : 0) + (weight_trains ? base : 0)),
                    0};
        }
        const double products = once && !merged ? 2 : 1;
        const double formed = !adapter_trains ? 0 : streams ? 4 : 2;
        const double per_step = once ? 2.0 * In * rank * Out * (1 + formed) : 0;
        return {n * products * base, n * (wanted * products * base + (trains ? base : 0)), per_step};
    }

private:
    template <class T>
    static constexpr MatrixView<const T> as_const(MatrixView<T> view) {
        return view;
    }
    template <class T>
    static constexpr MatrixView<T> slice(MatrixView<T> view, Columns columns) {
        return view.columns(columns.first, columns.count);
    }

    /// Where a product goes, and what joins it there.
    template <class Sum>
    struct Target {
        MatrixView<Sum> y;
        MatrixView<const Sum> base{};
        MatrixView<Sum> pre_activation{};
    };

    template <class B, class Sum>
    void multiply(Pass<B>& pass, Tokens<const Scalar, In> x, const Target<Sum>& target, Columns columns, Saved& saved) {
        B& backend = pass.backend;
        MatrixView<const Sum> base = target.base;
        // What the adapter adds comes first: where y rounds, only this small term is rounded once more.
        if constexpr (adapted && !merged) {
            add_adapter(backend, x, target.y, base, columns, saved);
            base = target.y;
        }
        if constexpr (once && merged) {
            backend.affine_product(request_of(x, derived.product, target, base, columns));
        } else {
            backend.affine_product(request_of(x, weight, target, base, columns));
        }
    }

    template <class Matrix, class Sum>
    [[nodiscard]] auto request_of(Tokens<const Scalar, In> x, const Matrix& matrix, const Target<Sum>& target,
                                  MatrixView<const Sum> base, Columns columns) const {
        return AffineProduct<Sum, Scalar, typename Matrix::Scalar, typename P::Base>{
            .out = target.y,
            .lhs = x.matrix(),
            .rhs = slice(matrix.matrix(), columns),
            .bias = bias.values + columns.first,
            .base = base,
            .pre_activation = target.pre_activation};
    }

    /// y = base + scale·(x·A)·B for some columns.
    template <class B, class Sum>
    void add_adapter(B& backend, Tokens<const Scalar, In> x, MatrixView<Sum> y, MatrixView<const Sum> base,
                     Columns columns, Saved& saved) {
        const auto add = [&](MatrixView<const Scalar> lhs, auto rhs) {
            using Factor = typename decltype(rhs)::value_type;
            backend.affine_product(
                AffineProduct<Sum, Scalar, Factor, typename P::Base>{.out = y, .lhs = lhs, .rhs = rhs, .base = base});
        };
        if constexpr (once) {
            add(x.matrix(), slice(derived.product.matrix(), columns));
        } else {
            const MatrixView<Scalar> xa = saved.scaled_xa.matrix();  // [N, R]
            using Factor = typename decltype(adapter.a)::Scalar;
            backend.affine_product(AffineProduct<Scalar, Scalar, Factor, typename P::Base>{
                .out = xa, .lhs = x.matrix(), .rhs = adapter.a.matrix(), .scale = scale});
            add(xa, slice(adapter.b.matrix(), columns));
        }
    }

    /// Adds to the gradients of what trains, but for those of factors, which need x·A.
    template <class B>
    void parameter_gradients(Pass<B>& pass, Tokens<const Scalar, In> x, MatrixView<const Scalar> d_y, Columns columns) {
        B& backend = pass.backend;
        if constexpr (weight_trains) {
            backend.sum_rows(bias.d_matrix().columns(columns.first, columns.count), Write::accumulate,
                             detail::Identity{}, d_y);
        }
        if constexpr (accumulates) {
            backend.matmul(slice(derived.d_product.writable(), columns), x.matrix(), d_y,
                           {.lhs_as = Transpose::yes, .write = Write::accumulate});
        } else if constexpr (weight_trains) {
            backend.matmul(slice(weight.d_matrix(), columns), x.matrix(), d_y,
                           {.lhs_as = Transpose::yes, .write = Write::accumulate});
        }
    }

    /// Overwrites d_x with the gradient of x, or of what x is the gelu of; the adapter's small part comes first.
    template <class B>
    void input_gradient(Pass<B>& pass, Tokens<const Scalar, In> x, const Saved& saved, MatrixView<const Scalar> d_y,
                        Tokens<Scalar, In> d_x, Columns columns, Tokens<const Scalar, In> pre_activation) {
        B& backend = pass.backend;
        if constexpr (factored) backward_factors(pass, x, saved, d_y, d_x, columns);
        if (d_x.empty()) return;
        if constexpr (once && !merged) {
            backend.matmul(d_x.matrix(), d_y, slice(derived.product.matrix(), columns), {.rhs_as = Transpose::yes});
        }
        const auto finish = [&](auto matrix) {
            using Element = typename decltype(matrix)::value_type;
            constexpr Write write = adapted && !merged ? Write::accumulate : Write::overwrite;
            if (pre_activation.empty()) {
                backend.matmul(d_x.matrix(), d_y, matrix, {.rhs_as = Transpose::yes, .write = write});
            } else {
                backend.matmul_gelu_backward(
                    GeluBackwardProduct<Scalar, Scalar, Element>{.out = d_x.matrix(),
                                                                 .lhs = d_y,
                                                                 .rhs = matrix,
                                                                 .pre_activation = pre_activation.matrix(),
                                                                 .write = write});
            }
        };
        if constexpr (once && merged) {
            finish(slice(derived.product.matrix(), columns));
        } else {
            finish(slice(weight.matrix(), columns));
        }
    }

    /// Adds to the gradients of A and B, and overwrites d_x with what passes through them.
    template <class B>
    void backward_factors(Pass<B>& pass, Tokens<const Scalar, In> x, const Saved& saved, MatrixView<const Scalar> d_y,
                          Tokens<Scalar, In> d_x, Columns columns) {
        B& backend = pass.backend;
        if constexpr (adapter_trains) {
            const Tokens<const Scalar, rank> xa = saved.scaled_xa;
            backend.matmul(slice(adapter.b.d_matrix(), columns), xa.matrix(), d_y,
                           {.lhs_as = Transpose::yes, .write = Write::accumulate});
        }
        if (!adapter_trains && d_x.empty()) return;
        typename ScratchStack::Frame frame(pass.scratch);
        const MatrixView<Scalar> d_xa = frame.template take<Scalar, rank>(x.count()).matrix();  // [N, R]
        backend.matmul(d_xa, d_y, slice(adapter.b.matrix(), columns), {.rhs_as = Transpose::yes});
        if constexpr (scale != 1) backend.map(d_xa, detail::Scale{scale}, as_const(d_xa));
        if constexpr (adapter_trains) {
            backend.matmul(adapter.a.d_matrix(), x.matrix(), as_const(d_xa),
                           {.lhs_as = Transpose::yes, .write = Write::accumulate});
        }
        if (!d_x.empty()) backend.matmul(d_x.matrix(), as_const(d_xa), adapter.a.matrix(), {.rhs_as = Transpose::yes});
    }
};

/// A linear layer whose output is added to the residual stream, so it starts smaller in deep models (reference 2.3).
template <std::size_t In, std::size_t Out, class P>
struct ResidualLinear : Linear<In, Out, P> {
    constexpr ResidualLinear() : Linear<In, Out, P>(Initial::residual_projection(0.02)) {}
};

}  // namespace lamina
