using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>
/// A file goes into a real silo, which is killed in the middle, as is the program that sends it. <c>PERSONALIZE_IMPORT_ROWS=1000000</c> makes it a larger
/// one, whose figures are in docs/imports.md.
/// </summary>
public sealed class ImportTests(ITestOutputHelper output)
{
    private const string Mapping = """
        {"customer":"/id","type":{"value":"identify"},"occurredAt":"/changed","traits":{"email":"/email","note":"/note","visits":{"from":"/visits","type":"integer"}}}
        """;

    /// <summary>One row in so many has a number that is none.</summary>
    private const int BadEvery = 1_000;

    /// <summary>More are not looked at one by one.</summary>
    private const int ComparedMax = 3_000;

    private static readonly int Rows = int.TryParse(Environment.GetEnvironmentVariable("PERSONALIZE_IMPORT_ROWS"), out var rows) ? rows : 20_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    [Fact]
    public async Task An_import_survives_the_death_of_the_silo_and_of_its_sender_and_doing_it_twice_changes_nothing()
    {
        using var directory = new TemporaryDirectory();
        var file = Path.Combine(directory.Path, "crm.csv");
        var mapping = Path.Combine(directory.Path, "mapping.json");
        await File.WriteAllTextAsync(mapping, Mapping);
        await GenerateAsync(file);
        var url = $"http://127.0.0.1:{FreePort()}";
        string[] import = ["import", "--file", file, "--mapping", mapping, "--source", "crm", "--url", url, "--key", SiloProcess.AdminKey, "--name", "first"];

        // So that it cannot be done before the silo is killed, the first sender stalls.
        await using (var silo = Serve(directory, url))
        {
            var client = await silo.ReadyAsync();
            using var stalled = new CancellationTokenSource();
            using var request = await StallingAsync(client, file);
            var sending = client.SendAsync(request, stalled.Token);
            await Eventually.TrueAsync(async () => await OffsetAsync(client) > 0, () => $"a block is recorded; {silo.Errors}", Patience);
            await silo.KillAsync();
            await stalled.CancelAsync();
            await Assert.ThrowsAnyAsync<Exception>(() => sending);
        }

        await using (var silo = Serve(directory, url))
        {
            var client = await silo.ReadyAsync();
            var before = await OffsetAsync(client);
            await using (var sender = SiloProcess.Start(import, []))
            {
                await Eventually.TrueAsync(async () => sender.HasExited || await OffsetAsync(client) > before, () => $"it goes on; {sender.Errors}", Patience);
                if (!sender.HasExited)
                    await sender.KillAsync();
            }

            var clock = Stopwatch.StartNew();
            var first = await RunAsync(import);
            output.WriteLine($"the rest in {clock.Elapsed}: {first}");
            var versions = await AssertAllIsThereAsync(client);

            clock.Restart();
            var again = await RunAsync([.. import[..^1], "again"]);
            output.WriteLine($"all of it again in {clock.Elapsed}, {Rows / clock.Elapsed.TotalSeconds:0} rows/s: {again}");
            var counts = Api.Parse(again).GetProperty("counts");
            Assert.Equal((0, Rows - (Rows / BadEvery)), (counts.GetProperty("applied").GetInt32(), counts.GetProperty("duplicates").GetInt32()));
            Assert.Equal(versions, await AssertAllIsThereAsync(client));

            clock.Restart();
            var compared = await RunAsync([.. import[..^1], "compare", "--reconcile"]);
            output.WriteLine($"compared in {clock.Elapsed}, {Rows / clock.Elapsed.TotalSeconds:0} rows/s");
            var visits = Api.Parse(compared).GetProperty("findings").GetProperty("fields").GetProperty("visits");
            Assert.Equal((Rows - (Rows / BadEvery), 0, 0), (visits.GetProperty("equal").GetInt32(), visits.GetProperty("missing").GetInt32(), visits.GetProperty("stale").GetInt32()));
            await AssertRepairsAsync(client, import, directory);
            output.WriteLine($"{Rows} rows, {new FileInfo(file).Length >> 20} MB; the silo had at the most {silo.PeakBytes() >> 20} MB");
            await silo.TerminateAsync();
        }
    }

    [Fact]
    public async Task An_import_that_cannot_be_says_why()
    {
        using var directory = new TemporaryDirectory();
        var file = Path.Combine(directory.Path, "crm.csv");
        await File.WriteAllTextAsync(file, "id\n1\n");

        foreach (var (arguments, code, words) in ((string[], int, string)[])
                 [
                     (["import"], 64, "--file is missing."),
                     (["import", "--file", file, "--colour", "red"], 64, "--colour is not known."),
                     (["import", "--file", file + ".none", "--key", "k"], 66, "There is no file"),
                     (["import", "--file", file, "--key", "k", "--patience", "0", "--url", $"http://127.0.0.1:{FreePort()}"], 75, "does not answer"),
                 ])
        {
            await using var process = SiloProcess.Start(arguments, []);
            await process.ExitsAsync(code);
            Assert.Contains(words, process.Errors, StringComparison.Ordinal);
        }
    }

    /// <summary>Of a snapshot with a newer value, an older one and a new customer.</summary>
    private static async Task AssertRepairsAsync(HttpClient client, string[] import, TemporaryDirectory directory)
    {
        var file = directory.File("snapshot.csv");
        await File.WriteAllTextAsync(file, "id;email;visits;changed\nc1;c1@example.org;777;2026-05-01\nc2;c2@example.org;888;2019-01-01\nnew;new@example.org;1;2026-05-01\n");
        string[] repair = [.. import[..^2], "--file", file, "--delimiter", ";", "--reconcile", "--repair"];

        foreach (var (run, missing, equal, stale, repaired) in ((string, int, int, int, int)[])[("repair", 1, 0, 1, 2), ("repaired", 0, 2, 0, 0)])
        {
            var findings = Api.Parse(await RunAsync([.. repair, "--name", run])).GetProperty("findings");
            Assert.Equal(missing, findings.GetProperty("customersMissing").GetInt32());
            Assert.Equal(
                $$"""{"equal":{{equal}},"missing":{{missing}},"stale":{{stale}},"conflicting":1,"repaired":{{repaired}}}""",
                findings.GetProperty("fields").GetProperty("visits").GetRawText());
            var c1 = await client.CustomerAsync("c1");
            Assert.Equal(("777", "2"), (c1.Text("traits.visits.value"), c1.Text("version")));
            Assert.Equal("2", (await client.CustomerAsync("c2")).Text("traits.visits.value"));
        }
    }

    private static async Task GenerateAsync(string file)
    {
        await using var writer = new StreamWriter(file, false, new UTF8Encoding(true));
        await writer.WriteAsync("id,email,visits,changed,note\r\n");
        for (var row = 0; row < Rows; row++)
        {
            var visits = row % BadEvery == BadEvery - 1 ? "many" : $"{row}";
            await writer.WriteAsync($"c{row},c{row}@example.org,{visits},{Changed(row)},\"{Note(row)}\"\r\n");
        }
    }

    private static string Changed(int row) => $"2020-01-{1 + (row % 28):00}T{row % 24:00}:00:00Z";

    private static string Note(int row) => $"A note of {row},\nwith what \"\"notes\"\" have{new string('.', 80)}";

    private static SiloProcess Serve(TemporaryDirectory directory, string url) => SiloProcess.Start(
        ["--urls", url], [("Personalize__DataDirectory", directory.Path), ("Personalize__AdminKey", SiloProcess.AdminKey)]);

    /// <summary>Makes the import that the program will find by its name.</summary>
    /// <returns>A piece that ends nowhere after two thirds of the file.</returns>
    private static async Task<HttpRequestMessage> StallingAsync(HttpClient client, string file)
    {
        var length = new FileInfo(file).Length;
        using var made = await client.PostAsync("/v1/imports", Api.Json($$"""{"name":"first","format":"csv","source":"crm","length":{{length}},"mapping":{{Mapping}}}"""));
        var text = await made.Content.ReadAsStringAsync();
        Assert.True(made.StatusCode == HttpStatusCode.Created, text);
        return new(HttpMethod.Patch, $"/v1/imports/{Api.Parse(text).Text("id")}")
        {
            Content = new StalledContent(file, length * 2 / 3),
            Headers = { { "Upload-Offset", "0" } },
        };
    }

    private static async Task<long> OffsetAsync(HttpClient client)
    {
        var imports = Api.Parse(await client.GetStringAsync("/v1/imports")).GetProperty("items").EnumerateArray();
        return imports.Single(import => import.Text("name") == "first").GetProperty("offset").GetInt64();
    }

    /// <returns>The job as it is in the end.</returns>
    private static async Task<string> RunAsync(string[] import)
    {
        await using var sender = SiloProcess.Start(import, []);
        await Eventually.TrueAsync(() => sender.HasExited, () => $"it is done; {sender.Errors}", Patience);
        await sender.ExitsAsync(0);
        return sender.Output.Trim();
    }

    /// <returns>The versions of those that were looked at.</returns>
    private static async Task<long[]> AssertAllIsThereAsync(HttpClient client)
    {
        // Where the sender was done before it could be killed, the next one began anew, and applied nothing.
        var job = Api.Parse(await client.GetStringAsync("/v1/imports")).GetProperty("items").EnumerateArray()
            .Where(static import => import.Text("name") == "first").MaxBy(static import => import.GetProperty("counts").GetProperty("applied").GetInt32());
        var counts = job.GetProperty("counts");
        Assert.Equal(
            ("done", Rows, Rows / BadEvery, 0), (job.Text("state"), counts.GetProperty("rows").GetInt32(), counts.GetProperty("bad").GetInt32(), counts.GetProperty("late").GetInt32()));
        var versions = new List<long>();
        var step = Math.Max(1, Rows / ComparedMax);
        for (var row = 0; row < Rows; row += step)
        {
            if (row % BadEvery == BadEvery - 1)
                continue;
            var customer = await client.CustomerAsync($"c{row}");
            var traits = customer.GetProperty("traits");
            Assert.Equal($"c{row}@example.org", traits.Text("email.value"));
            Assert.Equal(row.ToString(CultureInfo.InvariantCulture), traits.Text("visits.value"));
            Assert.Equal(Note(row).Replace("\"\"", "\"", StringComparison.Ordinal), traits.Text("note.value"));
            versions.Add(customer.GetProperty("version").GetInt64());
        }
        Assert.All(versions, version => Assert.Equal(1, version));
        return [.. versions];
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The first bytes of a file, and no end.</summary>
    private sealed class StalledContent(string file, long length) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await using var content = File.OpenRead(file);
            var buffer = new byte[64 * 1024];
            for (var left = length; left > 0;)
            {
                var count = await content.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), cancellationToken);
                await stream.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                left -= count;
            }
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        protected override bool TryComputeLength(out long computed)
        {
            computed = 0;
            return false;
        }
    }
}
