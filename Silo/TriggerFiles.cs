using System.Text;
using System.Text.Json;
using Orleans.Personalize.Engine;

namespace Orleans.Personalize.Silo;

/// <summary>Triggers in files: one, an array of them, or a folder with one a file.</summary>
internal static class TriggerFiles
{
    /// <returns>The triggers, and errors that name the file and the place in it.</returns>
    /// <exception cref="FileNotFoundException">There is nothing at the path.</exception>
    public static (TriggerSet Triggers, IReadOnlyList<string> Errors) Read(string path)
    {
        var errors = new List<string>();
        var triggers = new Dictionary<string, Trigger>();
        string[] files = Directory.Exists(path) ? [.. Directory.EnumerateFiles(path, "*.json").Order(StringComparer.Ordinal)] : [path];
        if (files.Length == 0)
            errors.Add($"{path}: there is no *.json file");
        foreach (var file in files)
        {
            foreach (var (id, document, place) in Documents(file, errors))
            {
                var (trigger, problems) = TriggerParser.Parse(id, 1, document);
                errors.AddRange(problems.Select(problem => $"{file}: {place}{problem.Pointer} {problem.Detail}"));
                if (trigger is not null && !triggers.TryAdd(id, trigger))
                    errors.Add($"{file}: {place}/id \"{id}\" is there twice");
            }
        }
        return (new TriggerSet(triggers.Values), errors);
    }

    private static List<(string Id, JsonText Document, string Place)> Documents(string file, List<string> errors)
    {
        try
        {
            using var json = JsonDocument.Parse(
                File.ReadAllBytes(file), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return json.RootElement.ValueKind == JsonValueKind.Array
                ? [.. json.RootElement.EnumerateArray().Select((element, index) => Document(element, $"trigger-{index + 1}", $"/{index}"))]
                : [Document(json.RootElement, Path.GetFileNameWithoutExtension(file), "")];
        }
        catch (JsonException invalid)
        {
            errors.Add($"{file}: not valid JSON: {invalid.Message}");
            return [];
        }
    }

    private static (string, JsonText, string) Document(JsonElement element, string otherwise, string place)
    {
        var id = element.ValueKind == JsonValueKind.Object && element.TryGetProperty("id", out var named) && named.ValueKind == JsonValueKind.String
            ? named.GetString()!
            : otherwise;
        // Written anew, without comments.
        return (id, new JsonText(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(element))), place);
    }
}
