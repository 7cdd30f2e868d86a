using System.Text.Json;

namespace Orleans.Personalize.Sending;

/// <summary>Previews. They read the registry itself, so that an editor sees at once what it has stored.</summary>
public sealed class TemplateGrain(TimeProvider clock) : Grain, ITemplateGrain
{
    public async Task<TemplatePreview?> Preview(PreviewRequest request)
    {
        var (workspace, id) = CustomerKey.Parse(this.GetPrimaryKeyString());
        var registry = GrainFactory.GetGrain<IRegistryGrain>(workspace);
        var text = request.Draft.IsAbsent ? (await registry.Get(RegistryKind.Template, id))?.Document ?? default : request.Draft;
        if (text.IsAbsent)
            return null;
        var documents = new Dictionary<string, JsonElement> { [id] = JsonElement.Parse(text.Span) };
        await ReadIncludes(registry, documents);
        JsonElement? Find(string other) => documents.TryGetValue(other, out var document) ? document : null;

        if (Template.Validate(documents[id], id, Find) is { Count: > 0 } errors)
            return new(null, null, null, null, null, [], [], [.. errors]);
        return Render(Template.Compile(documents[id], id, Find), new(workspace, request.Profile.Customer), id, request);
    }

    /// <summary>Ends when nothing new is named: there are only so many templates.</summary>
    private static async Task ReadIncludes(IRegistryGrain registry, Dictionary<string, JsonElement> documents)
    {
        var asked = new HashSet<string>(documents.Keys);
        var open = new Queue<JsonElement>(documents.Values);
        while (open.TryDequeue(out var document))
        {
            foreach (var id in Template.References(document).Where(asked.Add))
            {
                if (await registry.Get(RegistryKind.Template, id) is not { } found)
                    continue;
                documents[id] = JsonElement.Parse(found.Document.Span);
                open.Enqueue(documents[id]);
            }
        }
    }

    private TemplatePreview Render(Template template, CustomerKey customer, string id, PreviewRequest request)
    {
        var job = new SendJob
        {
            DecisionId = "",
            Attempt = 1,
            Trigger = "preview",
            Key = null,
            Template = id,
            Data = request.Data,
            EventName = request.EventName,
            EventProperties = request.EventProperties,
            DecidedAt = clock.GetUtcNow(),
            ExpiresAt = null,
            Profile = request.Profile,
        };
        try
        {
            // They lead nowhere: whoever tries a preview's links must not unsubscribe the customer.
            var outcome = template.Try(job, customer, clock, new("#", "#"));
            var content = outcome.Content;
            return new(
                content?.Subject, content?.Preheader, content?.Html, content?.Text, content?.Name, [.. outcome.Misses], [.. outcome.Reasons], []);
        }
        catch (TemplateException fault)
        {
            return new(null, null, null, null, null, [], [fault.Message], []);
        }
    }
}
