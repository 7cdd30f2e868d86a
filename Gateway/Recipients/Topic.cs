using System.Text.Json;
using System.Text.Json.Serialization;

namespace Orleans.Personalize.Gateway.Recipients;

/// <summary>What mails may be about, as the registry keeps it.</summary>
/// <param name="Default">What goes for a customer who has said nothing of it.</param>
internal sealed record Topic(string Name, string? Description = null, string Channel = Topic.Email, bool Default = true)
{
    public const string Email = "email";

    /// <summary>Topics of a page: consents of a profile are limited, and nobody reads more.</summary>
    public const int ShownMax = 50;

    /// <summary>A workspace's topics, each under the name of its consent, ordered by id.</summary>
    public static async Task<(string Consent, Topic Topic)[]> ListAsync(IGrainFactory grains, string workspace)
    {
        var documents = await grains.GetGrain<IRegistryGrain>(workspace).List(RegistryKind.Topic);
        return [.. documents.Take(ShownMax).Select(static document => (document, Topic: Read(document.Document)))
            .Where(static one => one.Topic is not null)
            .Select(static one => ($"{one.Topic!.Channel}/{one.document.Id}", one.Topic))];
    }

    public static async Task<Topic?> FindAsync(IGrainFactory grains, string workspace, string id) =>
        await grains.GetGrain<IRegistryGrain>(workspace).Get(RegistryKind.Topic, id) is { } document ? Read(document.Document) : null;

    private static Topic? Read(JsonText json) => JsonSerializer.Deserialize(json.Span, TopicJson.Default.Topic);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Topic))]
internal sealed partial class TopicJson : JsonSerializerContext;
