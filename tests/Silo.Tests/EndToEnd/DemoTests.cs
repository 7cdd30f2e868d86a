using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;
using Xunit.Abstractions;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

public sealed class DemoTests(ITestOutputHelper output) : IDisposable
{
    private static readonly Regex Key = new(@"^\s+Open\s+http\S+/#key=(?<key>\S+)$", RegexOptions.Multiline, TimeSpan.FromSeconds(1));
    private static readonly Regex Decision = new(@"^.*(?:● \S+: send|○ \S+: not sent, \S+).*$", RegexOptions.Multiline, TimeSpan.FromSeconds(1));

    private readonly TemporaryDirectory temporary = new();

    public void Dispose() => temporary.Dispose();

    [Fact]
    public async Task It_says_how_to_look_and_what_is_decided_and_why_and_leaves_nothing_behind()
    {
        var since = Stopwatch.StartNew();
        await using var demo = SiloProcess.Start(["demo", "--urls", "http://127.0.0.1:0"], [("TMPDIR", temporary.Path)]);
        var address = await demo.ListeningAsync();
        var key = (await demo.SeesAsync(Key)).Groups["key"].Value;
        output.WriteLine($"greeted after {since.ElapsedMilliseconds} ms");
        using var customers = await demo.Client(address, key).GetAsync("/v1/customers");
        Assert.Equal(HttpStatusCode.OK, customers.StatusCode);
        var decision = await demo.SeesAsync(Decision);
        output.WriteLine($"decided after {since.ElapsedMilliseconds} ms: {decision.Value}");

        Assert.Single(Directory.GetDirectories(temporary.Path, "personalize-demo-*"));
        await demo.InterruptAsync();
        Assert.Empty(Directory.GetDirectories(temporary.Path, "personalize-demo-*"));
        Assert.Equal("", demo.Errors);
        Assert.DoesNotContain("   at ", demo.Output);
    }

    [Fact]
    public async Task It_cleans_up_when_it_is_terminated()
    {
        await using var demo = SiloProcess.Start(["demo", "--urls", "http://127.0.0.1:0"], [("TMPDIR", temporary.Path)]);
        await demo.SeesAsync(Key);
        Assert.Single(Directory.GetDirectories(temporary.Path, "personalize-demo-*"));
        await demo.TerminateAsync();
        Assert.Empty(Directory.GetDirectories(temporary.Path, "personalize-demo-*"));
    }
}
