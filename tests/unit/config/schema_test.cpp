#include "engine/base/config/schema.h"

#include <gtest/gtest.h>

#include "engine/base/config/node.h"
#include "engine/base/config/rules.h"
#include "engine/base/core/check.h"
#include "tests/support/declared_router.h"

namespace switchyard::config {
namespace {

Json parsed(std::string_view text) {
  auto result = parse_json(text, "test");
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().text());
  return result.ok() ? std::move(result).value() : Json();
}

// ---- suggestions ----

TEST(Suggest, FindsTheNearestKnownWord) {
  EXPECT_EQ(suggest("capacity_facto", {"capacity_factor", "top_k"}), "capacity_factor");
  EXPECT_EQ(suggest("topk", {"capacity_factor", "top_k"}), "top_k");
  EXPECT_EQ(suggest("banana", {"capacity_factor", "top_k"}), "");
  EXPECT_EQ(suggest("lerning_rat", {"learning_rate", "beta1"}), "learning_rate");
}

TEST(Suggest, AllowsAThirdOfTheLengthOnly) {
  EXPECT_EQ(suggest("abcdefghi", {"abcdefxyz"}), "abcdefxyz");
  EXPECT_EQ(suggest("abcdefghi", {"abcdewxyz"}), "");
  EXPECT_EQ(suggest("x", {"ab"}), "");
  EXPECT_EQ(suggest(std::string(100'000, 'a'), {"top_k"}), "");
}

// ---- --set ----

Json with_setting(std::string_view config, std::string_view assignment) {
  Json document = parsed(config);
  const Status status = apply_setting(document, assignment);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().text());
  return document;
}

TEST(ApplySetting, SetsValuesOfEveryKind) {
  EXPECT_EQ(with_setting("{}", "train.max_steps=500").dump(), R"({"train":{"max_steps":500}})");
  EXPECT_EQ(with_setting("{}", "optimizer.learning_rate=1e-3").dump(),
            R"({"optimizer":{"learning_rate":0.001}})");
  EXPECT_EQ(with_setting("{}", "model.use_bias=true").dump(), R"({"model":{"use_bias":true}})");
  EXPECT_EQ(with_setting("{}", "data.dataset=shakespeare").dump(),
            R"({"data":{"dataset":"shakespeare"}})");
  EXPECT_EQ(with_setting("{}", "data.text_file=a=b.txt").dump(),
            R"({"data":{"text_file":"a=b.txt"}})");
  EXPECT_EQ(with_setting("{}", "note=").dump(), R"({"note":""})");
}

TEST(ApplySetting, ReachesIntoLists) {
  const char* config = R"({"model":{"layers":[{"feed_forward":{"router":{"top_k":2}}}]}})";
  EXPECT_EQ(with_setting(config, "model.layers.0.feed_forward.router.top_k=3").dump(),
            R"({"model":{"layers":[{"feed_forward":{"router":{"top_k":3}}}]}})");
}

TEST(ApplySetting, RefusesWhatItCannotPlace) {
  for (const char* bad : {"train.max_steps",
                          "=5",
                          "",
                          "a..b=1",
                          ".a=1",
                          "a.=1",
                          "layers.1.x=1",
                          "layers.x=1",
                          "layers.-1=1",
                          "layers.99999999999999999999=1",
                          "name.x=1"}) {
    Json config = parsed(R"({"layers":[{}],"name":"n"})");
    const Status status = apply_setting(config, bad);
    ASSERT_FALSE(status.ok()) << bad;
    EXPECT_EQ(status.error().code, ErrorCode::kConfig);
    EXPECT_EQ(config.dump(), R"({"layers":[{}],"name":"n"})") << bad;
  }
}

// ---- versions ----

TEST(Migrate, PassesCurrentDocumentsThrough) {
  const Json document = parsed(R"({"schema":"switchyard.run","version":2,"name":"a"})");
  EXPECT_EQ(*migrate(document, "x.json"), document);
  EXPECT_EQ(*migrate(parsed(R"({"name":"a"})"), "x.json"), parsed(R"({"name":"a"})"));
}

TEST(Migrate, MovesTheDivisionOfWeightsOutOfTheRouter) {
  for (const bool is_divided : {true, false}) {
    const std::string word = is_divided ? "true" : "false";
    const Json document = parsed(
        R"({"version":1,"model":{"layers":[{"repeat":2},{"feed_forward":{"type":"routed_experts",
        "router":{"type":"top_k","top_k":3,"use_renormalized_weights":)" +
        word + "}}}]}}");
    const auto migrated = migrate(document, "x.json");
    ASSERT_TRUE(migrated.ok());
    const Json& block = (*migrated)["model"]["layers"][1]["feed_forward"];
    EXPECT_EQ(block["router"].dump(), R"({"type":"top_k","top_k":3})");
    EXPECT_EQ(block["combine_weight"]["type"].as_string(), is_divided ? "renormalized" : "raw");
    EXPECT_EQ((*migrated)["model"]["layers"][0].dump(), R"({"repeat":2})");
    EXPECT_EQ((*migrated)["version"].as_integer(), 2);
  }
}

TEST(Migrate, RefusesNewerDocumentsWithBothNumbers) {
  const auto result = migrate(parsed(R"({"version":7})"), "x.json");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().text(),
            "x.json /version: this program reads versions up to 2, the file has version 7. Update "
            "Switchyard.");
}

TEST(Migrate, RefusesOtherDocuments) {
  EXPECT_FALSE(migrate(parsed(R"({"schema":"other"})"), "x").ok());
  EXPECT_FALSE(migrate(parsed(R"({"version":0})"), "x").ok());
  EXPECT_FALSE(migrate(parsed(R"({"version":"1"})"), "x").ok());
  EXPECT_FALSE(migrate(parsed(R"({"version":1.0})"), "x").ok());
}

// ---- JSON Schema ----

TEST(JsonSchema, IsReadBackWithoutLoss) {
  const Json written = json_schema(test::run_schema_for_tests());
  const Json from_text = parsed(written.dump(2));
  EXPECT_EQ(from_text, written);
  const auto back = schema_from_json_schema(from_text);
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(json_schema(*back), written);
}

TEST(JsonSchema, ReadBackValidatesAsTheOriginalDoes) {
  const auto back = schema_from_json_schema(json_schema(test::run_schema_for_tests()));
  ASSERT_TRUE(back.ok());
  for (const char* text : {R"({})",
                           R"({"model":{"d_model":130,"norm_eps":0}})",
                           R"({"model":{"d_model":130}})",
                           R"({"modle":1,"train":{"seed":-1},"schedule":{"type":"wsd"}})"}) {
    const Resolved a = resolve(test::run_schema_for_tests(), parsed(text), "x");
    const Resolved b = resolve(*back, parsed(text), "x");
    EXPECT_EQ(a.config, b.config);
    ASSERT_EQ(a.errors.size(), b.errors.size());
    for (std::size_t i = 0; i < a.errors.size(); ++i)
      EXPECT_EQ(a.errors[i].text(), b.errors[i].text());
  }
}

TEST(JsonSchema, KeepsEveryAttributeOfAField) {
  Schema schema;
  schema.number("rate", 0.5)
      .above(0.0, 2.0)
      .in("1/s")
      .says("help text")
      .named("The rate")
      .at_level(Level::kEssential)
      .resumable()
      .required()
      .own_default()
      .since(3);
  const auto back = schema_from_json_schema(json_schema(schema));
  ASSERT_TRUE(back.ok());
  const Field* field = back->find("rate");
  ASSERT_NE(field, nullptr);
  EXPECT_EQ(field->default_value, Json(0.5));
  EXPECT_TRUE(field->has_range && field->is_minimum_exclusive);
  EXPECT_EQ(field->minimum, 0.0);
  EXPECT_EQ(field->maximum, 2.0);
  EXPECT_EQ(field->unit, "1/s");
  EXPECT_EQ(field->help, "help text");
  EXPECT_EQ(field->label, "The rate");
  EXPECT_EQ(field->level, Level::kEssential);
  EXPECT_TRUE(field->is_resumable && field->is_required && field->has_own_default);
  EXPECT_EQ(field->since_version, 3);
}

TEST(JsonSchema, UsesTheWordsOfTheStandard) {
  const Json schema = json_schema(test::run_schema_for_tests());
  EXPECT_EQ(schema["additionalProperties"], Json(false));
  const Json& model = schema["properties"]["model"]["properties"];
  EXPECT_EQ(model["d_model"]["minimum"], Json(1));
  EXPECT_EQ(model["d_model"]["maximum"], Json(65536));
  EXPECT_EQ(model["norm_eps"]["exclusiveMinimum"], Json(0.0));
  EXPECT_EQ(model["norm"]["enum"].dump(), R"(["layer_norm","rms_norm"])");
  EXPECT_EQ(model["layers"]["items"]["properties"]["feed_forward"]["oneOf"][1]["properties"]["type"]
                 ["const"]
                     .as_string(),
            "routed_experts");
}

TEST(JsonSchema, RefusesBrokenDocuments) {
  for (const char* bad :
       {"{}",
        "[]",
        R"({"properties":{"a":5}})",
        R"({"properties":{"a":{"x-type":"odd"}}})",
        R"({"properties":{"a":{"x-type":"integer","default":1.5}}})",
        R"({"properties":{"a":{"x-type":"choice","default":"x","enum":["y"]}}})",
        R"({"properties":{"a":{"x-type":"variant"}}})",
        R"({"properties":{"a":{"x-type":"variant","oneOf":[{"properties":{}}]}}})",
        R"({"properties":{},"x-rules":["no_such_rule"]})"}) {
    const auto result = schema_from_json_schema(parsed(bad));
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_EQ(result.error().code, ErrorCode::kInputFile) << bad;
  }
}

TEST(Rules, AreFoundByName) {
  EXPECT_NE(rule_by_name("top_k_at_most_num_experts"), nullptr);
  EXPECT_EQ(rule_by_name("no_such_rule"), nullptr);
}

// ---- differences ----

TEST(Differences, NameEveryChangedKeyAndWhetherItMayChange) {
  const Schema schema = test::run_schema_for_tests();
  const Json left = resolve(schema, parsed("{}"), "").config;
  const Json right =
      resolve(schema,
              parsed(R"({"model":{"d_model":256,"layers":[{"feed_forward":{"d_ff":64}}]},
                         "train":{"max_steps":9},"optimizer":{"beta2":0.95}})"),
              "")
          .config;
  const std::vector<Difference> found = differences(schema, left, right);
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0].pointer, "/model/d_model");
  EXPECT_FALSE(found[0].is_resumable);
  EXPECT_EQ(found[0].left, Json(128));
  EXPECT_EQ(found[0].right, Json(256));
  EXPECT_EQ(found[1].pointer, "/model/layers/0/repeat");
  EXPECT_EQ(found[2].pointer, "/model/layers/0/feed_forward/d_ff");
  EXPECT_EQ(found[3].pointer, "/optimizer/beta2");
  EXPECT_TRUE(found[3].is_resumable);
  EXPECT_EQ(found[4].pointer, "/train/max_steps");
  EXPECT_TRUE(found[4].is_resumable);
  EXPECT_TRUE(differences(schema, left, left).empty());
}

TEST(Differences, ShowAnotherTypeWithItsOwnKeys) {
  const Schema schema = test::run_schema_for_tests();
  const Json left = resolve(schema, parsed("{}"), "").config;
  const Json right = resolve(schema, parsed(R"({"schedule":{"type":"constant"}})"), "").config;
  std::vector<std::string> pointers;
  for (const Difference& difference : differences(schema, left, right))
    pointers.push_back(difference.pointer);
  EXPECT_EQ(pointers,
            (std::vector<std::string>{"/schedule/type",
                                      "/schedule/warmup_steps",
                                      "/schedule/decay_steps",
                                      "/schedule/min_learning_rate",
                                      "/schedule/use_zero_start"}));
}

// ---- node ----

TEST(Node, ReadsResolvedValues) {
  const Json config = resolve(test::run_schema_for_tests(), parsed("{}"), "").config;
  const Node root(config);
  EXPECT_EQ(root.child("model").integer("d_model"), 128);
  EXPECT_EQ(root.child("optimizer").number("learning_rate"), 1e-3);
  EXPECT_EQ(root.child("model").text("position"), "learned");
  EXPECT_FALSE(root.child("model").boolean("use_bias"));
  const std::vector<Node> layers = root.child("model").children("layers");
  ASSERT_EQ(layers.size(), 1U);
  EXPECT_EQ(layers[0].path(), "/model/layers/0");
  EXPECT_EQ(layers[0].child("feed_forward").integer("d_ff"), 512);
  EXPECT_TRUE(root.has("train"));
  EXPECT_FALSE(root.has("nothing"));
}

TEST(NodeDeathTest, StopsAtAKeyThatIsNotDeclared) {
  const Json config = resolve(test::run_schema_for_tests(), parsed("{}"), "").config;
  EXPECT_DEATH(static_cast<void>(Node(config).child("model").integer("depth")), "no /model/depth");
}

}  // namespace
}  // namespace switchyard::config
