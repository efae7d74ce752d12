// SPDX-License-Identifier: MIT
// The measured standard deviations at every norm of the pretrained GPT-2 models, from which removal starts.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include <lamina/core/error.hpp>

namespace lamina::recipe {

/// Standard deviation of the input of every norm of one model.
struct NormInputStd {
    std::span<const float> ln_1{};  ///< [L]
    std::span<const float> ln_2{};  ///< [L]
    float ln_f = 0.0F;
};

/// The values of one pretrained model. Position 0 is an outlier in most blocks and has a table of its own.
struct InitialStd {
    std::string_view model{};
    NormInputStd average{};         ///< over all positions but the first
    NormInputStd first_position{};  ///< at position 0
};

namespace detail {

inline constexpr std::array gpt2_average_ln_1{0.16550206f, 1.8233492f, 2.0507932f, 2.1941612f, 2.393985f,  2.5630054f,
                                              2.8119252f,  3.1362026f, 3.650105f,  4.3025155f, 5.4274926f, 7.8881226f};
inline constexpr std::array gpt2_average_ln_2{1.2034999f, 1.9659183f, 2.1252677f, 2.2782116f, 2.4769447f, 2.67693f,
                                              2.966839f,  3.4040182f, 3.9483104f, 4.888817f,  6.6438375f, 14.798441f};
inline constexpr std::array gpt2_first_position_ln_1{0.3657431f,  5.0762205f, 22.986649f,  92.730705f,
                                                     99.50059f,   104.92496f, 108.32056f,  110.35427f,
                                                     111.577385f, 112.33152f, 112.710304f, 112.75742f};
inline constexpr std::array gpt2_first_position_ln_2{1.0262952f, 6.161758f,  23.019432f, 92.631775f,
                                                     99.46707f,  104.88058f, 108.3513f,  110.37872f,
                                                     111.64122f, 112.3864f,  112.74087f, 17.534588f};
inline constexpr std::array gpt2_medium_average_ln_1{
    0.09736807f, 3.3715372f, 3.8455396f, 4.0846586f, 4.2584844f, 4.5170193f, 4.7658477f, 5.041027f,
    5.290719f,   5.480763f,  5.5487065f, 5.6972866f, 5.9004436f, 6.124433f,  6.391369f,  6.745976f,
    7.2202854f,  7.8145504f, 8.632653f,  9.587582f,  11.027209f, 12.742455f, 15.95663f,  22.05335f};
inline constexpr std::array gpt2_medium_average_ln_2{
    0.10079557f, 3.7072964f, 4.160011f,  4.20882f,   4.3937774f,  4.664542f,  4.938422f,  5.2016277f,
    5.3998284f,  5.5222497f, 5.6375546f, 5.8200345f, 6.020984f,   6.2676105f, 6.57299f,   6.9977655f,
    7.540742f,   8.2592945f, 9.1562195f, 10.425357f, 12.1155615f, 14.751858f, 19.221151f, 27.143827f};
inline constexpr std::array gpt2_medium_first_position_ln_1{
    0.20912467f, 4.4575987f,  5.8880258f, 13.98767f,   112.440155f, 115.955635f, 120.8308f,  123.63878f,
    125.15248f,  126.05993f,  126.28173f, 126.459015f, 126.46453f,  126.46656f,  126.50313f, 126.52917f,
    126.57164f,  126.516525f, 126.40568f, 126.02293f,  125.20484f,  123.88046f,  121.73599f, 64.56481f};
inline constexpr std::array gpt2_medium_first_position_ln_2{
    0.20407374f, 4.4203467f, 6.164521f,  14.093277f, 112.425316f, 115.92045f, 120.802f,   123.60744f,
    125.19418f,  126.06388f, 126.30287f, 126.46539f, 126.47696f,  126.47747f, 126.51398f, 126.53874f,
    126.58525f,  126.57895f, 126.45942f, 126.08203f, 125.21709f,  123.88767f, 121.60541f, 16.48337f};
inline constexpr std::array gpt2_large_average_ln_1{
    0.047657963f, 0.5396474f, 0.96362615f, 1.2336142f, 1.3628831f, 1.4514325f, 1.5335346f, 1.6203086f, 1.7051358f,
    1.7999138f,   1.8920218f, 1.991766f,   2.1016614f, 2.2071624f, 2.2967935f, 2.3890958f, 2.49042f,   2.6189954f,
    2.767328f,    2.916591f,  3.0712268f,  3.2431078f, 3.4291604f, 3.6255593f, 3.8452923f, 4.1056724f, 4.392817f,
    4.722787f,    5.0815287f, 5.4618707f,  5.8501825f, 6.3090634f, 6.9267817f, 7.997514f,  9.42672f,   10.796273f};
inline constexpr std::array gpt2_large_average_ln_2{
    0.21619278f, 0.74207854f, 1.1483929f, 1.3095506f, 1.4124299f, 1.4969296f, 1.5832124f, 1.6661161f, 1.755077f,
    1.8489721f,  1.945786f,   2.0596027f, 2.1641123f, 2.263185f,  2.3559244f, 2.4629102f, 2.5837104f, 2.7224188f,
    2.8714066f,  3.016226f,   3.1742425f, 3.347854f,  3.5284946f, 3.7411494f, 3.9817913f, 4.2535224f, 4.5686846f,
    4.89372f,    5.252962f,   5.6279135f, 6.0648565f, 6.6645455f, 7.568368f,  8.775092f,  10.159445f, 10.965441f};
inline constexpr std::array gpt2_large_first_position_ln_1{
    0.10891422f, 1.3363792f, 1.8264188f, 1.982255f,  1.8790327f, 1.8597804f, 2.320871f,  4.532921f,  12.657064f,
    30.7269f,    44.378704f, 53.74151f,  60.075626f, 64.16433f,  67.31463f,  69.56055f,  71.25212f,  72.71271f,
    73.68013f,   74.29761f,  74.439354f, 74.48706f,  74.53411f,  74.50209f,  74.461075f, 74.344574f, 74.10099f,
    73.69569f,   73.05767f,  72.04131f,  70.54014f,  67.0275f,   58.357136f, 41.358658f, 18.810778f, 4.2867765f};
inline constexpr std::array gpt2_large_first_position_ln_2{
    0.22400242f, 1.2675393f, 1.8432586f, 1.9416307f, 1.8532343f, 1.9273986f, 2.3855596f, 4.556668f,  12.670172f,
    30.728868f,  44.381775f, 53.74748f,  60.087822f, 64.167404f, 67.317535f, 69.56145f,  71.24739f,  72.704735f,
    73.67429f,   74.27258f,  74.41426f,  74.4566f,   74.50029f,  74.48504f,  74.433876f, 74.303665f, 74.056625f,
    73.62926f,   72.99566f,  71.95642f,  70.41812f,  66.86317f,  57.53207f,  34.14989f,  7.581769f,  3.7224314f};
inline constexpr std::array gpt2_xl_average_ln_1{
    0.037683006f, 0.5892167f, 1.0071387f, 1.3038315f, 1.4948155f, 1.6345916f,  1.7477013f, 1.849662f,
    1.9451047f,   2.0615768f, 2.2955651f, 2.6494884f, 2.9952588f, 3.294989f,   3.5526092f, 3.809099f,
    4.0200534f,   4.1913614f, 4.33857f,   4.4770737f, 4.607968f,  4.7141733f,  4.8165994f, 4.9567294f,
    5.0812454f,   5.2032127f, 5.3549137f, 5.5194254f, 5.6947727f, 5.9160633f,  6.110389f,  6.303649f,
    6.54347f,     6.7863398f, 7.072506f,  7.376461f,  7.6322947f, 7.9250364f,  8.212488f,  8.495604f,
    8.864142f,    9.19178f,   9.549018f,  9.997083f,  10.556591f, 11.7567625f, 13.916674f, 16.067713f};
inline constexpr std::array gpt2_xl_average_ln_2{
    0.04708075f, 0.724359f,  1.193951f,  1.4218833f, 1.5737251f, 1.6931838f, 1.79862f,   1.891358f,
    1.9916995f,  2.105113f,  2.3431053f, 2.6876593f, 3.0288157f, 3.330469f,  3.5965989f, 3.8477643f,
    4.0574927f,  4.229286f,  4.3867726f, 4.5310016f, 4.6561584f, 4.764425f,  4.892481f,  5.017359f,
    5.146404f,   5.281447f,  5.439765f,  5.607879f,  5.810539f,  6.000644f,  6.187176f,  6.413994f,
    6.6466274f,  6.9263806f, 7.218028f,  7.4717374f, 7.7500224f, 8.047995f,  8.31711f,   8.646881f,
    9.0034275f,  9.360704f,  9.768906f,  10.258847f, 11.011292f, 12.478845f, 14.950121f, 16.399849f};
inline constexpr std::array gpt2_xl_first_position_ln_1{
    0.104859784f, 1.14971f,    1.8679531f,  2.1178596f, 2.1859462f,  2.2783105f,  2.2432127f,  2.568292f,
    11.569235f,   26.528484f,  39.483788f,  50.885582f, 61.27942f,   69.68543f,   76.37169f,   82.679596f,
    87.570274f,   91.16726f,   93.84825f,   95.97144f,  97.49149f,   98.33069f,   98.69035f,   99.00372f,
    99.24315f,    99.404076f,  99.603004f,  99.80266f,  100.016205f, 100.249794f, 100.451256f, 100.60797f,
    100.685234f,  100.711754f, 100.636215f, 100.45007f, 100.08132f,  99.622925f,  98.960175f,  97.91281f,
    96.282486f,   92.88602f,   86.86371f,   77.35003f,  64.133026f,  45.9876f,    25.732807f,  5.1370955f};
inline constexpr std::array gpt2_xl_first_position_ln_2{
    0.08504581f, 1.078731f,  1.9069886f,  2.1213348f, 2.2216406f, 2.2663515f,  2.2597435f, 2.6905386f,
    11.58942f,   26.529247f, 39.485718f,  50.8969f,   61.282127f, 69.69728f,   76.39105f,  82.692764f,
    87.59289f,   91.17177f,  93.856766f,  95.977234f, 97.48339f,  98.327415f,  98.68915f,  98.999016f,
    99.227486f,  99.4085f,   99.597824f,  99.8099f,   100.01815f, 100.248726f, 100.46162f, 100.617386f,
    100.68558f,  100.71708f, 100.632576f, 100.45374f, 100.0792f,  99.61611f,   98.926865f, 97.89457f,
    96.282616f,  92.87631f,  86.79534f,   77.32299f,  63.917454f, 45.627735f,  13.243481f, 4.7997756f};

inline constexpr std::array initial_stds{
    InitialStd{.model = "gpt2",
               .average = {gpt2_average_ln_1, gpt2_average_ln_2, 16.457752f},
               .first_position = {gpt2_first_position_ln_1, gpt2_first_position_ln_2, 13.863745f}},
    InitialStd{.model = "gpt2-medium",
               .average = {gpt2_medium_average_ln_1, gpt2_medium_average_ln_2, 28.521883f},
               .first_position = {gpt2_medium_first_position_ln_1, gpt2_medium_first_position_ln_2, 6.7519007f}},
    InitialStd{.model = "gpt2-large",
               .average = {gpt2_large_average_ln_1, gpt2_large_average_ln_2, 11.338309f},
               .first_position = {gpt2_large_first_position_ln_1, gpt2_large_first_position_ln_2, 3.9822953f}},
    InitialStd{.model = "gpt2-xl",
               .average = {gpt2_xl_average_ln_1, gpt2_xl_average_ln_2, 17.0878f},
               .first_position = {gpt2_xl_first_position_ln_1, gpt2_xl_first_position_ln_2, 4.8090024f}},
};

}  // namespace detail

/// Null for other models than those below.
[[nodiscard]] inline const InitialStd* initial_std_or_null(std::string_view model) {
    for (const InitialStd& table : detail::initial_stds) {
        if (table.model == model) return &table;
    }
    return nullptr;
}

/// The table of "gpt2", "gpt2-medium", "gpt2-large" or "gpt2-xl". Its spans live as long as the program.
///
/// Each value is one standard deviation over all elements of one chunk of text, not a mean over tokens.
/// errors   ArgumentError for another model: its values have to be measured
/// source   submarat/removing-layer-norm, std_dicts.py: ln_1 from resid_pre, ln_2 from resid_mid, ln_f from the last
///          block's resid_post
[[nodiscard]] inline const InitialStd& initial_std(std::string_view model) {
    if (const InitialStd* const found = initial_std_or_null(model)) return *found;
    throw ArgumentError("initial standard deviations: none are published for model '" + std::string(model) +
                        "'; expected gpt2, gpt2-medium, gpt2-large or gpt2-xl, else measure them");
}

}  // namespace lamina::recipe
