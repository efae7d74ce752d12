// SPDX-License-Identifier: MIT
// DecoderBody: the layers of a decoder at work, from the embeddings to the last norm's output and back.
#pragma once

#include <cstddef>
#include <string>

#include <lamina/arch/role.hpp>
#include <lamina/arch/visit.hpp>
#include <lamina/backend/contract.hpp>
#include <lamina/core/bfloat16.hpp>
#include <lamina/core/error.hpp>
#include <lamina/core/rows.hpp>
#include <lamina/nn/layer_concept.hpp>
#include <lamina/nn/paths.hpp>
#include <lamina/nn/run/pass.hpp>
#include <lamina/nn/run/pass_start.hpp>
#include <lamina/nn/run/workspace.hpp>

namespace lamina::detail {

/// Runs the layers of a model of type `M` in its workspace. Both must outlive it.
template <class M>
class DecoderBody {
    using P = typename M::Policies;
    using StreamScalar = typename P::Stream;
    using Compute = typename P::Compute;
    static constexpr std::size_t layers = M::architecture.layers;
    static constexpr std::size_t embed_width = M::architecture.embed;
    static constexpr bool embedding_trains = P::trains(Role::embedding);
    static constexpr bool blocks_train = has_trainable<typename M::Block>();

public:
    using Stream = Rows<StreamScalar, embed_width>;
    using Activations = Rows<typename P::Activation, embed_width>;
    static constexpr bool trains = embedding_trains || blocks_train || has_trainable<typename M::FinalNorm>();

    DecoderBody(typename M::Layers& of, Workspace<M>& in) : layers_(of), workspace_(in) {}

    [[nodiscard]] Rows<const StreamScalar, embed_width> last_stream() const { return workspace_.streams[layers]; }

    /// The gradient of the final norm's output, in memory that the stream's gradient needs only after it.
    [[nodiscard]] Activations d_normalised() const {
        const Stream room = workspace_.d_streams[0];
        return {reinterpret_cast<typename P::Activation*>(room.data), room.rows};
    }

    template <class B>
    void forward(Pass<B> pass) {
        const bool kept = Workspace<M>::keeps_each_block(pass.phase == Phase::train ? Use::train : Use::evaluate);
        embed(pass);
        for (std::size_t i = 0; i < layers; ++i) {
            forward_block(pass, i);
            if (!kept) take_means<Compute>(pass, layers_.blocks[i]);  // before the next writes over what they are of
        }
        normalise_last(pass);
        if (kept) {
            take_means<Compute>(pass, layers_);
        } else {
            take_means<Compute>(pass, layers_.final_norm);
        }
    }

    template <class B>
    void embed(Pass<B>& pass) {
        pass.run(Embed<StreamScalar, typename P::Base, embed_width>{.ids = pass.ids,
                                                                    .extent = pass.extent,
                                                                    .token_table = layers_.token_table.values,
                                                                    .position_table = layers_.position_table.values,
                                                                    .out = workspace_.streams[0],
                                                                    .positions = pass.positions});
    }

    template <class B>
    void forward_block(Pass<B>& pass, std::size_t i) {
        in_block(pass, i, [&] {
            forward_into(layers_.blocks[i], pass, workspace_.streams[i].read_only(), Into(workspace_.streams[i + 1]),
                         workspace_.saved[i]);
        });
    }

    template <class B>
    void normalise_last(Pass<B>& pass) {
        forward_into(layers_.final_norm, pass, last_stream(), Into(workspace_.normalised), workspace_.final_saved);
    }

    /// From `d_normalised` down to the lowest layer that trains. Calls `add(pass, d_last)` where there is a gradient of
    /// the last stream, to which another loss than that of the head may add.
    template <class B, class Add>
    void backward(Pass<B> pass, const Add& add) {
        std::size_t here = 0;
        const auto below = [&](bool wanted) { return wanted ? workspace_.d_streams[1 - here] : Stream{}; };
        const Stream d_last = below(blocks_train || embedding_trains);
        backward_into(layers_.final_norm, pass, last_stream(), workspace_.final_saved, d_normalised(), Into(d_last));
        if (d_last.empty()) return;
        here = 1 - here;
        add(pass, d_last);
        if constexpr (RoundsGradient<typename M::Block>) pass.run(Convert(workspace_.d_rounded[here], d_last));
        for (std::size_t i = layers; i-- > 0;) {
            if constexpr (P::Recompute::per_block) {
                pass.phase = Phase::recompute;
                forward_block(pass, i);
            }
            const Stream d_below = below(embedding_trains || (i > 0 && blocks_train));
            in_block(pass, i, [&] {
                backward_on_stream(layers_.blocks[i], pass, workspace_.streams[i].read_only(), workspace_.saved[i],
                                   gradient_in(workspace_.d_streams[here], here).read_only(),
                                   gradient_in(d_below, 1 - here));
            });
            if (d_below.empty()) return;
            here = 1 - here;
        }
        if constexpr (embedding_trains) {
            pass.run(EmbedBackward<StreamScalar, typename P::Gradient, embed_width>{
                .ids = pass.ids,
                .extent = pass.extent,
                .d_out = workspace_.d_streams[here],
                .d_token_table = layers_.token_table.gradient,
                .d_position_table = layers_.position_table.gradient});
        }
    }

private:
    [[nodiscard]] StreamGradient<StreamScalar, embed_width> gradient_in(Stream d, std::size_t which) const {
        return {d, d.empty() ? Rows<bf16, embed_width>{} : workspace_.d_rounded[which]};
    }

    /// Does what concerns block i, and says so to layers and in errors.
    template <class B, class Work>
    static void in_block(Pass<B>& pass, std::size_t i, const Work& work) {
        pass.block = i;
        try {
            work();
        } catch (Error& error) {
            error.append(", in block h." + std::to_string(i));
            throw;
        }
    }

    typename M::Layers& layers_;
    Workspace<M>& workspace_;
};

}  // namespace lamina::detail
