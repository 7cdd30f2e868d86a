using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Orleans.Personalize.Silo;

/// <summary>
/// The command <c>import --file FILE --mapping FILE|--source ID …</c>: streams a file to a running silo and shows how far it is. Whatever is killed on the
/// way, the silo or this, running it again goes on where it was.
/// </summary>
public static class Import
{
    /// <summary>The exit codes of sysexits.h for a wrong call, refused data, a missing input, and a server that does not answer.</summary>
    private const int Usage = 64, DataError = 65, NoInput = 66, TryAgain = 75;

    private const string UsageText = """
        usage: import --file FILE (--mapping FILE | --source ID | --rows native|segment) [options]

          --file       CSV, or NDJSON if its name ends with .ndjson or .jsonl
          --mapping    a JSON file: what becomes of the columns (docs/imports.md; its language: docs/connectors.md)
          --source     the source of the events; without --mapping that of a source which has one
          --rows       of NDJSON: what a line is, native, segment or mapping
          --format     csv or ndjson, whatever the name ends with
          --delimiter  between the cells of CSV: one character, or tab
          --at         when rows without an instant of their own occurred
          --live       not as history: the rows may fire triggers
          --reconcile  compare instead of importing; with --repair apply what is newer
          --name       under which an interrupted import is found again; by default the file's name and the instant of its last change
          --url        the silo, by default http://127.0.0.1:5080
          --key        an API key of the role operate, by default PERSONALIZE_KEY or the file data/admin-key
          --patience   seconds that the silo may be away, by default 300
        """;

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter messages)
    {
        if (args is ["--help" or "-h"])
        {
            await messages.WriteLineAsync(UsageText);
            return 0;
        }
        try
        {
            if (!TryRead(args, out var options, out var problem))
            {
                await messages.WriteLineAsync($"{problem}\n\n{UsageText}");
                return Usage;
            }
            using var client = new HttpClient { BaseAddress = options.Url, Timeout = Timeout.InfiniteTimeSpan };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", options.Key);
            var upload = new Upload(client, options.File, options.Path, options.Patience, messages);
            var done = await upload.RunAsync(options.Asked);
            await output.WriteLineAsync(done.ToJsonString());
            return (string?)done["state"] == "done" ? 0 : DataError;
        }
        catch (UploadException refused)
        {
            await messages.WriteLineAsync(refused.Message);
            return refused.IsWorthRepeating ? TryAgain : DataError;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            await messages.WriteLineAsync(failure.Message);
            return NoInput;
        }
    }

    private static bool TryRead(string[] args, out Options options, out string problem)
    {
        options = null!;
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] is "--live" or "--reconcile" or "--repair")
                values[args[i]] = "";
            else if (!Valued.Contains(args[i]))
                return Fail($"{args[i]} is not known.", out problem);
            else if (i + 1 == args.Length)
                return Fail($"{args[i]} needs a value.", out problem);
            else
                values[args[i]] = args[++i];
        }
        if (!values.TryGetValue("--file", out var file))
            return Fail("--file is missing.", out problem);
        if (!Uri.TryCreate(values.GetValueOrDefault("--url", SiloHost.DefaultAddress), UriKind.Absolute, out var url))
            return Fail("--url must be an address such as http://127.0.0.1:5080.", out problem);
        if (!int.TryParse(values.GetValueOrDefault("--patience", "300"), NumberStyles.None, CultureInfo.InvariantCulture, out var patience))
            return Fail("--patience must be a number of seconds.", out problem);
        if (KeyOf(values) is not { } key)
            return Fail("--key is missing.", out problem);
        if (!File.Exists(file))
            throw new FileNotFoundException($"There is no file '{file}'.");
        var asked = Asked(values, file);
        if (values.TryGetValue("--mapping", out var mapping))
        {
            try
            {
                asked["mapping"] = JsonNode.Parse(File.ReadAllText(mapping));
            }
            catch (JsonException invalid)
            {
                return Fail($"{mapping}: {invalid.Message}", out problem);
            }
        }
        problem = "";
        options = new(file, values.ContainsKey("--reconcile") ? "reconciliations" : "imports", url, key, TimeSpan.FromSeconds(patience), asked);
        return true;
    }

    private static JsonObject Asked(Dictionary<string, string> values, string file)
    {
        var info = new FileInfo(file);
        var isNdjson = info.Extension is ".ndjson" or ".jsonl";
        var asked = new JsonObject
        {
            // Another file under the same name is another import.
            ["name"] = values.GetValueOrDefault("--name", $"{info.Name} {info.LastWriteTimeUtc.ToString("O", CultureInfo.InvariantCulture)}"),
            ["format"] = values.GetValueOrDefault("--format", isNdjson ? "ndjson" : "csv"),
            ["length"] = info.Length,
        };
        foreach (var name in (string[])["rows", "source", "delimiter", "at"])
        {
            if (values.TryGetValue($"--{name}", out var value))
                asked[name] = value;
        }
        if (values.ContainsKey("--live"))
            asked["history"] = false;
        if (values.ContainsKey("--repair"))
            asked["repair"] = true;
        return asked;
    }

    private static string? KeyOf(Dictionary<string, string> values)
    {
        const string First = "data/admin-key";
        return values.GetValueOrDefault("--key") ?? Environment.GetEnvironmentVariable("PERSONALIZE_KEY") ?? (File.Exists(First) ? File.ReadAllText(First).Trim() : null);
    }

    private static bool Fail(string what, out string problem)
    {
        problem = what;
        return false;
    }

    private static readonly string[] Valued =
        ["--file", "--mapping", "--source", "--rows", "--format", "--delimiter", "--at", "--name", "--url", "--key", "--patience"];

    /// <param name="Path">imports or reconciliations.</param>
    /// <param name="Asked">The body that makes the job.</param>
    private sealed record Options(string File, string Path, Uri Url, string Key, TimeSpan Patience, JsonObject Asked);
}
