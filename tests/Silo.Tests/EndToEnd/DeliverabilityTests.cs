using System.Net;
using System.Text;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Testing;

namespace Orleans.Personalize.Silo.Tests.EndToEnd;

public sealed class DeliverabilityTests
{
    /// <summary>A mail provider that got its 200 never comes back.</summary>
    [Fact]
    public async Task What_recipients_and_operators_refuse_outlives_a_kill_the_moment_it_is_acknowledged()
    {
        using var directory = new TemporaryDirectory();
        await using (var process = SiloProcess.Serve(directory.Path))
        {
            var silo = await process.ReadyAsync();
            var links = LinksOf(directory);
            await silo.PutAsync("topics/offers", """{"name":"Offers","channel":"email"}""");
            await silo.PostAsync(new { customer = "ada", name = "Signed Up", consent = new { email = true } });
            var put = await silo.PutAsync("/v1/suppressions/Bob@example.com", null);
            Assert.Equal(HttpStatusCode.Created, put.StatusCode);

            using var anonymous = new HttpClient { BaseAddress = silo.BaseAddress };
            var page = await anonymous.GetStringAsync(links.Unsubscribe("default", "ada", "email", "offers", "d1").AbsolutePath);
            Assert.Contains("Offers", page, StringComparison.Ordinal);
            using var form = new StringContent("List-Unsubscribe=One-Click", Encoding.ASCII, "application/x-www-form-urlencoded");
            using var clicked = await anonymous.PostAsync(links.Unsubscribe("default", "ada", "email", "offers", "d1").AbsolutePath, form);
            Assert.Equal(HttpStatusCode.OK, clicked.StatusCode);
            await process.KillAsync();
        }

        await using (var process = SiloProcess.Serve(directory.Path))
        {
            var silo = await process.ReadyAsync();
            var ada = await silo.CustomerAsync("ada");
            Assert.Equal("False", ada.GetProperty("consent").GetProperty("email/offers").Text("value"));
            Assert.Equal("True", ada.GetProperty("consent").GetProperty("email").Text("value"));
            Assert.Equal("1", ada.GetProperty("counters").GetProperty("Unsubscribed").Text("count"));
            var found = Api.Parse(await silo.GetStringAsync("/v1/suppressions?address=bob%40example.com"));
            Assert.Equal("manual", Assert.Single(found.GetProperty("items").EnumerateArray()).Text("reason"));

            // Its key outlived it too: what is in mails still works, and what was chosen shows.
            using var anonymous = new HttpClient { BaseAddress = silo.BaseAddress };
            var preferences = await anonymous.GetStringAsync(LinksOf(directory).Preferences("default", "ada").AbsolutePath);
            Assert.Contains("value=\"email/offers\">", preferences, StringComparison.Ordinal);
        }
    }

    private static SignedLinks LinksOf(TemporaryDirectory directory) =>
        new(new Uri("http://127.0.0.1:5080"), [Convert.FromBase64String(File.ReadAllText(directory.File("link.key")))], TimeProvider.System);
}
