using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;
using Parser = YamlDotNet.Core.Parser;

namespace Orleans.Personalize.Cluster.Tests;

/// <summary>The files of this repository, and what is in them.</summary>
internal static class Repository
{
    public static readonly string Root = FindRoot();

    public static string PathOf(params string[] parts) => Path.GetFullPath(Path.Combine([Root, .. parts]));

    public static string Read(params string[] parts) => File.ReadAllText(PathOf(parts));

    /// <summary>The documents of a YAML text, with aliases and merge keys resolved. Every scalar is a string.</summary>
    public static IReadOnlyList<JsonNode> Yaml(string text)
    {
        var parser = new MergingParser(new Parser(new StringReader(text)));
        var deserializer = new DeserializerBuilder().Build();
        var documents = new List<JsonNode>();
        parser.Consume<StreamStart>();
        while (!parser.Accept<StreamEnd>(out _))
            if (ToJson(deserializer.Deserialize<object?>(parser)) is { } document)
                documents.Add(document);
        return documents;
    }

    private static JsonNode? ToJson(object? value) => value switch
    {
        null => null,
        IDictionary<object, object?> map => new JsonObject(map.Select(entry => KeyValuePair.Create((string)entry.Key, ToJson(entry.Value)))),
        IEnumerable<object?> list => new JsonArray([.. list.Select(ToJson)]),
        _ => JsonValue.Create((string)value),
    };

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, "Orleans.Personalize.sln")))
                return directory.FullName;
        throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}

/// <summary>Reading parsed documents without ceremony. A path is made of names and dots; names with dots in them need the indexer.</summary>
internal static class Nodes
{
    public static JsonNode? At(this JsonNode? node, string path) => path.Split('.').Aggregate(node, static (inner, name) => (inner as JsonObject)?[name]);

    public static string? Text(this JsonNode? node, string path) => node.At(path)?.GetValue<string>();

    public static int Number(this JsonNode? node, string path) => int.Parse(node.Text(path) ?? throw new KeyNotFoundException(path));

    public static IEnumerable<JsonNode> Items(this JsonNode? node, string path) => (node.At(path) as JsonArray ?? []).Select(item => item!);

    public static Dictionary<string, string?> Map(this JsonNode? node, string path) =>
        (node.At(path) as JsonObject ?? []).ToDictionary(entry => entry.Key, entry => entry.Value?.GetValue<string>());

    /// <summary>Whether labels have everything that a selector's matchLabels ask for; an empty selector asks for nothing.</summary>
    public static bool Selects(this JsonNode? selector, IReadOnlyDictionary<string, string?> labels) =>
        selector.Map("matchLabels").All(wanted => labels.GetValueOrDefault(wanted.Key) == wanted.Value);
}
