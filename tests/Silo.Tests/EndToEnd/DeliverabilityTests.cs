using System.Net;
using System.Text;
using Orleans.Personalize.Journal;
using Orleans.Personalize.Silo.Tests.Senders;
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

    /// <summary>The whole way of a mail: an event, a decision, the last look, the wire; and one click that ends it.</summary>
    [Fact]
    public async Task Whoever_unsubscribes_by_the_link_in_a_mail_gets_no_other_of_its_topic()
    {
        using var directory = new TemporaryDirectory();
        await using var server = new SmtpDouble();
        await using var process = SiloProcess.Serve(directory.Path);
        var silo = await process.ReadyAsync();
        await silo.PutAsync("senders/mail", $$$"""
            {"type":"smtp","host":"{{{SmtpDouble.Address}}}","port":{{{server.Port}}},"security":"none","from":{"email":"shop@example.com"}}
            """);
        await silo.PutAsync("templates/seen", """{"subject":"{{event.properties.name}}","html":"<p>Still {{money event.properties.price 'EUR'}}.</p>"}""");
        await silo.PutAsync("triggers/offered", """{"on":{"event":"Product Viewed"},"send":{"sender":"mail","template":"seen","topic":"offers"}}""");
        await silo.PutAsync("triggers/receipt", """
            {"on":{"event":"Order Completed"},"send":{"sender":"mail","template":"seen","transactional":true}}
            """);
        var viewed = new { name = "Mug", price = 19.9 };
        await silo.PostAsync(new { customer = "ada", name = "Product Viewed", traits = new { email = "ada@example.com" }, properties = viewed });
        await Eventually.TrueAsync(() => server.Messages.Count == 1, () => $"a mail; {process.Output}");
        Assert.True(server.Messages.TryPeek(out var mail));
        Assert.Contains("Subject: Mug", mail, StringComparison.Ordinal);
        Assert.Contains("=E2=82=AC19.90", mail, StringComparison.Ordinal);

        var unfolded = mail.ReplaceLineEndings("\n").Replace("\n ", " ", StringComparison.Ordinal);
        var header = Assert.Single(unfolded.Split('\n'), static line => line.StartsWith("List-Unsubscribe: ", StringComparison.Ordinal));
        var link = new Uri(header["List-Unsubscribe: ".Length..].Trim().Trim('<', '>'));
        using var anonymous = new HttpClient { BaseAddress = silo.BaseAddress };
        using var form = new StringContent("List-Unsubscribe=One-Click", Encoding.ASCII, "application/x-www-form-urlencoded");
        using var clicked = await anonymous.PostAsync(link.AbsolutePath, form);
        Assert.Equal(HttpStatusCode.OK, clicked.StatusCode);

        await silo.PostAsync(Api.Event("ada", "Product Viewed", properties: viewed), Api.Event("ada", "Order Completed", properties: new { order_id = "1", name = "Receipt", price = 1 }));
        await Eventually.TrueAsync(() => server.Messages.Count == 2, () => "a receipt");
        Assert.DoesNotContain("List-Unsubscribe", server.Messages.Last(), StringComparison.Ordinal);
        var decisions = (await silo.CustomerAsync("ada")).GetProperty("decisions").EnumerateArray().Select(decision => $"{decision.Text("trigger")} {decision.Text("reason")}");
        Assert.Equal(["offered ", "offered consent", "receipt "], decisions.Order());
    }

    private static SignedLinks LinksOf(TemporaryDirectory directory) =>
        new(new Uri("http://127.0.0.1:5080"), [Convert.FromBase64String(File.ReadAllText(directory.File("link.key")))], TimeProvider.System);
}
