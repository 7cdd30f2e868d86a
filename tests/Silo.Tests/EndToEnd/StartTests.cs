using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

/// <summary>How the silo starts, what it says where it cannot, and how it ends.</summary>
public sealed class StartTests : IDisposable
{
    private static readonly Regex Greeting = new(
        @"curl -H ""Authorization: Bearer \$\(cat '(?<path>[^']+)'\)"" (?<address>\S+)/v1/customers", RegexOptions.None, TimeSpan.FromSeconds(1));

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task The_first_start_makes_an_admin_key_and_says_where_it_is_and_the_second_keeps_it()
    {
        string key;
        await using (var silo = Serve())
        {
            var greeting = await silo.SeesAsync(Greeting);
            var file = greeting.Groups["path"].Value;
            Assert.Equal(directory.File("admin-key"), file);
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            key = await File.ReadAllTextAsync(file);
            Assert.Equal(await silo.ListeningAsync(), new Uri(greeting.Groups["address"].Value));
            await AssertWorksAsync(key, silo);
            await silo.TerminateAsync();
            Assert.DoesNotContain(key, silo.Output + silo.Errors);
        }

        await using (var silo = Serve())
        {
            await AssertWorksAsync(key, silo);
            await silo.TerminateAsync();
            Assert.DoesNotMatch(Greeting, silo.Output);
            Assert.Equal(key, await File.ReadAllTextAsync(directory.File("admin-key")));
        }
    }

    [Fact]
    public async Task A_configured_admin_key_works_and_is_stored_nowhere()
    {
        await using var silo = SiloProcess.Serve(directory.Path);
        await AssertWorksAsync(SiloProcess.AdminKey, silo);
        using var refused = await silo.Client(await silo.ListeningAsync(), SiloProcess.AdminKey + "x").GetAsync("/v1/customers");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        // So that the log of the database is there too.
        await silo.KillAsync();

        var files = Directory.GetFiles(directory.Path, "*", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        Assert.DoesNotContain(directory.File("admin-key"), files);
        Assert.All(files, file => Assert.Equal(-1, File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(SiloProcess.AdminKey))));
        Assert.DoesNotContain(SiloProcess.AdminKey, silo.Output + silo.Errors);
    }

    [Fact]
    public async Task It_listens_on_loopback_unless_told_otherwise()
    {
        await using var untold = SiloHost.Build([]);
        Assert.Equal("http://127.0.0.1:5080", untold.Configuration["urls"]);
        await using var told = SiloHost.Build(["--urls", "http://127.0.0.1:0"]);
        Assert.Equal("http://127.0.0.1:0", told.Configuration["urls"]);
    }

    [Theory]
    [InlineData("Personalize__Journal", "nonsense", "Personalize:Journal must be one of sqlite, postgres.")]
    [InlineData("Personalize__Role", "nonsense", "Personalize:Role must be silo, or gateway in a build for Microsoft Orleans.")]
    [InlineData("Personalize__AdminKey", "short", "Personalize:AdminKey must have 16 to 256 printable ASCII characters without spaces.")]
    [InlineData("Personalize__DataDirectory", " ", "Personalize:DataDirectory must not be empty.")]
    [InlineData("Personalize__PublicUrl", "mail.example.com", "Personalize:PublicUrl must be an absolute http or https address without query, such as https://mail.example.com.")]
    [InlineData("Personalize__LinkKeys__0", "c2hvcnQ=", "Personalize:LinkKeys must each be base64 of 32 bytes or more, as 'openssl rand -base64 32' makes them.")]
    [InlineData("Personalize__Senders__AllowPrivateTargets", "maybe", "Failed to convert configuration value 'maybe' at 'Personalize:Senders:AllowPrivateTargets' to type 'System.Boolean'.")]
    public async Task A_wrong_setting_is_named_in_a_line(string name, string value, string message)
    {
        await using var silo = SiloProcess.Serve(directory.Path, (name, value));
        await silo.ExitsAsync(1);
        Assert.Equal(message + "\n", silo.Errors);
        AssertNoStackTrace(silo);
    }

    [Theory]
    [InlineData]
    [InlineData("demo")]
    public async Task A_taken_port_is_said_kindly(params string[] command)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        await using var silo = SiloProcess.Start(
            [.. command, "--urls", $"http://127.0.0.1:{port}"], [("Personalize__DataDirectory", directory.File("data")), ("TMPDIR", directory.Path)]);
        await silo.ExitsAsync(1);
        Assert.Contains($"127.0.0.1:{port}", silo.Errors);
        Assert.Contains("--urls", silo.Errors);
        AssertNoStackTrace(silo);
        Assert.Empty(Directory.GetDirectories(directory.Path, "personalize-demo-*"));
    }

    [Fact]
    public async Task A_start_that_fails_is_not_the_first()
    {
        using (var other = new TcpListener(IPAddress.Loopback, 0))
        {
            other.Start();
            await using var failing = SiloProcess.Start(
                ["--urls", $"http://{other.LocalEndpoint}"], [("Personalize__DataDirectory", directory.Path)]);
            await failing.ExitsAsync(1);
        }

        await using var silo = Serve();
        var greeting = await silo.SeesAsync(Greeting);
        await AssertWorksAsync(await File.ReadAllTextAsync(greeting.Groups["path"].Value), silo);
    }

    [Fact]
    public async Task A_data_directory_has_one_silo_and_the_next_one_says_so()
    {
        await using var first = SiloProcess.Serve(directory.Path);
        await first.ReadyAsync();
        await using var second = SiloProcess.Serve(directory.Path);
        await second.ExitsAsync(1);
        Assert.StartsWith($"The data directory {directory.Path} is in use by another process", second.Errors);
        AssertNoStackTrace(second);
        await first.ReadyAsync();
    }

    [Fact]
    public async Task What_was_acknowledged_before_a_stop_is_there_after_it_with_a_snapshot_of_the_customer()
    {
        const int Events = 100;
        await using var silo = SiloProcess.Serve(directory.Path);
        var client = await silo.ReadyAsync();
        for (var posted = 0; posted < Events; posted += 10)
            Assert.Equal(10, (await client.PostAsync(Enumerable.Range(posted, 10).Select(index => Api.Event("ada", "Product Viewed", $"m{index}")))).Length);
        await silo.TerminateAsync();
        Assert.Contains("Application is shutting down", silo.Output);
        AssertNoStackTrace(silo);

        await using var database = SqliteDatabase.Open(directory.Path);
        var history = await new SqliteJournal(database).ReadAsync("default/ada", CancellationToken.None);
        Assert.Equal(Events, history.Version);
        Assert.Equal(Events, history.SnapshotVersion);
    }

    [Fact]
    public async Task A_stop_amid_requests_loses_nothing_acknowledged()
    {
        var acknowledged = new List<string>();
        await using (var silo = SiloProcess.Serve(directory.Path))
        {
            var client = await silo.ReadyAsync();
            var posting = PostUntilRefusedAsync(client, acknowledged);
            await Eventually.TrueAsync(() => { lock (acknowledged) return acknowledged.Count > 50; }, () => "fifty events are acknowledged");
            await silo.TerminateAsync();
            await posting;
            AssertNoStackTrace(silo);
        }

        await using var next = SiloProcess.Serve(directory.Path);
        var timeline = await (await next.ReadyAsync()).TimelineAsync("ada");
        Assert.Subset(timeline.Select(fact => fact.Data.Text("event.messageId")!).ToHashSet(), acknowledged.ToHashSet());
    }

    private static async Task PostUntilRefusedAsync(HttpClient silo, List<string> acknowledged)
    {
        const int EventsMax = 1_000_000;
        for (var index = 0; index < EventsMax; index++)
        {
            try
            {
                using var response = await silo.PostAsync("/v1/events", Api.Json($$"""{"customer":"ada","name":"Product Viewed","messageId":"m{{index}}"}"""));
                if (response.StatusCode != HttpStatusCode.Accepted)
                    return;
                lock (acknowledged)
                    acknowledged.Add($"m{index}");
            }
            catch (HttpRequestException)
            {
                return;
            }
        }
    }

    /// <summary>A silo without a configured key.</summary>
    private SiloProcess Serve() => SiloProcess.Serve(directory.Path, ("Personalize__AdminKey", null));

    private static async Task AssertWorksAsync(string key, SiloProcess silo)
    {
        var client = await silo.ReadyAsync(key);
        // The key is said just before it is in force.
        await Eventually.TrueAsync(async () =>
        {
            using var response = await client.GetAsync("/v1/customers");
            return response.StatusCode == HttpStatusCode.OK;
        }, () => "the key works");
        await client.PutAsync("triggers/t", """{"on":{"event":"E"},"send":{"sender":"s"}}""");
    }

    private static void AssertNoStackTrace(SiloProcess silo) => Assert.DoesNotContain("   at ", silo.Output + silo.Errors);
}
