using System.Runtime.CompilerServices;
using System.Text.Json;
using static Orleans.Personalize.Grains.Tests.Sending.TemplateSample;

namespace Orleans.Personalize.Grains.Tests.Sending;

/// <summary>
/// The mails of the demo, whole, as they go out. To take over a change that is meant, run with PERSONALIZE_UPDATE_MAILS=1 and read the difference.
/// </summary>
public sealed class TemplateGoldenTests
{
    private const string Event = """{"product_id":"trail shoe","name":"Trail <Shoe>","price":129.9,"order_id":"A-1001","total":147.8,"currency":"EUR"}""";

    private static string Templates => Path.Combine(Folder(), "../../../samples/demo/templates");

    [Theory]
    [InlineData("cart-abandoned", "cart-abandoned", "en", "America/New_York", true)]
    [InlineData("cart-abandoned", "cart-abandoned.de", "de", "Europe/Berlin", true)]
    [InlineData("cart-abandoned", "cart-abandoned.without-cart", "en-GB", "Europe/London", false)]
    [InlineData("thank-you", "thank-you", "fr", "Europe/Paris", false)]
    [InlineData("still-looking", "still-looking", "en", null, false)]
    public void A_mail_looks_as_it_did(string id, string name, string locale, string? zone, bool hasCart)
    {
        var job = Job().With(("first_name", "\"Ada & Co\""), ("locale", JsonSerializer.Serialize(locale)), ("timezone", JsonSerializer.Serialize(zone)))
            with { EventProperties = JsonText.FromString(Event) };
        if (!hasCart)
            job = job with { Profile = job.Profile with { Cart = new CartView(null, 0, [], null) } };

        var mail = Render(Read(id), job, [.. Directory.GetFiles(Templates).Select(file => (Path.GetFileNameWithoutExtension(file), (object)File.ReadAllText(file)))]);

        Same($"{name}.html", mail.Html!);
        Same($"{name}.txt", $"Content: {mail.Name}\nSubject: {mail.Subject}\nPreheader: {mail.Preheader}\n\n{mail.Text}\n");
    }

    [Fact]
    public void Every_template_of_the_demo_is_sound()
    {
        var files = Directory.GetFiles(Templates);
        (string, object)[] library = [.. files.Select(file => (Path.GetFileNameWithoutExtension(file), (object)File.ReadAllText(file)))];
        Assert.All(files, file => Assert.Empty(Validate(File.ReadAllText(file), library)));
    }

    private static string Read(string id) => File.ReadAllText(Path.Combine(Templates, $"{id}.json"));

    private static void Same(string name, string actual)
    {
        var file = Path.Combine(Folder(), "mails", name);
        if (Environment.GetEnvironmentVariable("PERSONALIZE_UPDATE_MAILS") == "1")
            File.WriteAllText(file, actual);
        Assert.Equal(File.ReadAllText(file), actual);
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
