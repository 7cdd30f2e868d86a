namespace Orleans.Personalize.Testing;

/// <summary>An import in memory.</summary>
public sealed class FakeImport : IImportGrain
{
    private readonly Lock gate = new();
    private ImportView? view;

    public Task Create(ImportJob job)
    {
        lock (gate)
            view ??= new(job, new());
        return Task.CompletedTask;
    }

    public Task<ImportView?> Read()
    {
        lock (gate)
            return Task.FromResult(view);
    }

    public Task<bool> Record(ImportProgress progress)
    {
        lock (gate)
        {
            if (view is null || !view.Progress.IsOpen || progress.Revision != view.Progress.Revision + 1)
                return Task.FromResult(false);
            view = view with { Progress = progress };
            return Task.FromResult(true);
        }
    }

    public Task<bool> Cancel()
    {
        lock (gate)
        {
            if (view?.Progress is { IsOpen: true } progress)
                view = view with { Progress = progress with { Revision = progress.Revision + 1, State = ImportState.Cancelled } };
            return Task.FromResult(view is not null);
        }
    }

    public Task Forget()
    {
        lock (gate)
            view = null;
        return Task.CompletedTask;
    }
}

public sealed class FakeImports : IImportsGrain
{
    private readonly Lock gate = new();
    private string[] ids = [];

    public Task Add(string id)
    {
        lock (gate)
            ids = [id, .. ids];
        return Task.CompletedTask;
    }

    public Task<string[]> List()
    {
        lock (gate)
            return Task.FromResult(ids);
    }
}
