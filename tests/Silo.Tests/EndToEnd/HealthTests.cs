using System.Net;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

public sealed class HealthTests
{
    [Fact]
    public async Task A_silo_whose_journal_fails_is_alive_and_not_ready()
    {
        using var directory = new TemporaryDirectory();
        await using var process = SiloProcess.Serve(directory.Path);
        var silo = await process.ReadyAsync();
        using (var ready = await silo.GetAsync("/health/ready"))
        {
            var checks = Api.Parse(await ready.Content.ReadAsStringAsync());
            Assert.Equal("healthy", checks.Text("status"));
            Assert.Equal("healthy", checks.Text("checks.journal"));
            Assert.Equal("healthy", checks.Text("checks.keys"));
        }

        foreach (var file in Directory.GetFiles(directory.Path, "*.db*").Where(file => !file.EndsWith("-shm", StringComparison.Ordinal)))
            Overwrite(file);

        HttpStatusCode status = default;
        var body = "";
        await Eventually.TrueAsync(async () =>
        {
            using var ready = await silo.GetAsync("/health/ready");
            (status, body) = (ready.StatusCode, await ready.Content.ReadAsStringAsync());
            return status != HttpStatusCode.OK;
        }, () => $"the failure is noticed; the last answer was {body}");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("unhealthy", Api.Parse(body).Text("status"));
        Assert.Equal("The journal does not answer.", Api.Parse(body).Text("checks.journal"));
        using var live = await silo.GetAsync("/health/live");
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    /// <summary>As a dying disk would.</summary>
    private static void Overwrite(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Write(new byte[file.Length]);
    }
}
